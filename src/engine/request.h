// Requests as JSON: what the page and the golden runner send; the inputs of a call also for other edges.
#pragma once

#include <string_view>
#include <vector>

#include "engine/core.h"

namespace ipfs_accelerate {

/// kUnsupportedPrecision, kUnknownPlatform, kInvalidArgument for values nobody can serve. `processors`: threads that
/// the host offers.
Result<> check_config(const Config& config, int processors);

/// A call as an edge sends it: {"method", "model", "page"?, "config": {...}, "hidden_states", "all_tokens", "inputs",
/// "encodings": [{"ids", "type_ids", "attention_mask"}], "tensors": {NAME: {"shape", "ints" or "values": [numbers]}}}.
/// "inputs": what read_contents() takes; `read_file` is for it.
/// "model": a text, {"cid", "gateway"?}, {"url"} or {"folder"}.
/// "page": {"base", "origin", "gateways"?}, where the caller is: relative names are seen from `base` (an address), and
/// who names no gateway asks those of the page, or else its origin.
/// "config": the names of struct Config, and "pooling", "normalize", "stall_timeout" (ms); as transformers.js has it
/// "device" (the platform), "dtype" ("fp32", "fp16") and "return_full_text"; the platform "wasm" is the cpu.
/// kUnknownOption names the key nobody reads, kInvalidArgument a wrong type.
struct Call {
  std::string method;
  std::string name;  ///< the model as the caller wrote it; request.model is what it means
  Request request;
  bool has_top_k = false;                ///< the caller said how many answers
  bool has_list = false;                 ///< the inputs came as a list
  std::optional<bool> return_full_text;  ///< of a pipeline: whether a generated text begins with its prompt
  std::vector<Content> inputs;
  Given given;
};
Result<Call> read_call(std::string_view json, const ReadFile& read_file = {});

}  // namespace ipfs_accelerate
