// Requests as JSON: what the page, the C ABI and other edges send.
#pragma once

#include <string_view>
#include <vector>

#include "engine/core.h"

namespace ipfs_accelerate {

/// kUnsupportedPrecision, kUnknownPlatform, kInvalidArgument for values nobody can serve.
Result<> check_config(const Config& config);

/// A text, {"text", "pair"?}, or an array of these. kInvalidArgument says which item is no text.
Result<std::vector<Input>> read_inputs(std::string_view json);

/// A call as an edge sends it: {"method", "model", "name", "config": {...}, "hidden_states", "all_tokens", "inputs",
/// "encodings": [{"ids", "type_ids", "attention_mask"}]}. `config` has the names of struct Config, and "pooling",
/// "normalize" and "stall_timeout" (ms). kUnknownOption names the key nobody reads, kInvalidArgument a wrong type.
struct Call {
  std::string method;
  std::string name;  ///< what a result calls the model; empty: as it was given
  Request request;
  std::vector<Input> inputs;
  std::vector<EncodedItem> encodings;
};
Result<Call> read_call(std::string_view json);

}  // namespace ipfs_accelerate
