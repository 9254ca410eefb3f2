// Answers, summaries and plans as a terminal shows them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate::cli {

/// The line above an answer.
std::string title_of(const Content& content);
/// `names`: of inputs that are files.
void print_answers(const std::vector<Content>& inputs, const RunResult& result, const std::vector<std::string>& names,
                   int top_k);
/// Why texts ended before the model ended them; empty where it did. `context`: tokens the model has room for, 0: no
/// limit.
std::string limit_reached(const RunResult& result, int asked, std::int64_t context);
std::string summary(const RunResult& result, const std::string& limit);
std::string human_plan(const nlohmann::ordered_json& plan);

}  // namespace ipfs_accelerate::cli
