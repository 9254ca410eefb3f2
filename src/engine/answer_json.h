// Answers as JSON values, for the places that put them into a larger one.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "ipfs_accelerate/answers.h"

namespace ipfs_accelerate {

nlohmann::ordered_json answer_json(const Answer& answer);
/// A list, one value for each input.
nlohmann::ordered_json answers_json(const std::vector<Answer>& answers);

}  // namespace ipfs_accelerate
