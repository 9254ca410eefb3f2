// The generating cases of a golden.json: which of them are judged, what is asked, and what must come.
#pragma once

#include <nlohmann/json.hpp>

#include "golden/tensor_files.h"

namespace ipfs_accelerate {

/// Whether the case asks for nothing but the likeliest token each time.
bool is_greedy(const nlohmann::json& one_case);
/// What its generate call becomes in a configuration: max_new_tokens, stop_token_ids.
nlohmann::json generation_config(const nlohmann::json& one_case);
/// The recorded new tokens of each text, without what ended them and what fills rows up. `stop_ids`: the model's own.
Result<std::vector<std::vector<std::int32_t>>> recorded_tokens(const nlohmann::json& one_case,
                                                               const TensorFiles& recorded,
                                                               const std::vector<std::int32_t>& stop_ids);
/// eos_token_id of a configuration: none, one or several.
std::vector<std::int32_t> stop_ids_of(const nlohmann::json& config);

}  // namespace ipfs_accelerate
