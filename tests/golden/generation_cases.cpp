// Reading the generating cases of a golden.json; see generation_cases.h.
#include "golden/generation_cases.h"

#include <algorithm>
#include <set>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

std::vector<std::int32_t> ids_of(const Json& value) {
  if (value.is_number_integer()) return {value.get<std::int32_t>()};
  return value.is_array() ? value.get<std::vector<std::int32_t>>() : std::vector<std::int32_t>();
}

/// Rows of a table of ids; encoder-decoders begin each with the token that starts decoding.
Result<std::vector<std::vector<std::int32_t>>> rows_of(const Json& one_case, const TensorFiles& recorded) {
  std::vector<std::vector<std::int32_t>> rows;
  if (const auto tokens = one_case.find("new_tokens"); tokens != one_case.end()) {
    if (!tokens->empty() && !(*tokens)[0].is_array()) {
      rows.push_back(ids_of(*tokens));
      return rows;
    }
    for (const Json& row : *tokens) rows.push_back(ids_of(row));
    return rows;
  }
  IA_ASSIGN(const Tensor table, recorded.ints(one_case.at("outputs").at("sequences").get<std::string>()));
  const auto columns = static_cast<std::size_t>(table.shape.at(1));
  for (std::size_t at = 0; at < table.i32s().size(); at += columns) {
    const auto row = table.i32s().subspan(at + 1, columns - 1);
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

}  // namespace

bool is_greedy(const Json& one_case) {
  static const std::set<std::string> kKnown{"max_new_tokens", "do_sample",    "num_beams",
                                            "use_cache",      "eos_token_id", "pad_token_id"};
  const Json generate = one_case.value("generate", Json::object());
  if (generate.value("do_sample", false) || generate.value("num_beams", 1) != 1) return false;
  return std::ranges::all_of(generate.items(), [](const auto& item) { return kKnown.contains(item.key()); });
}

Json generation_config(const Json& one_case) {
  const Json& generate = one_case.at("generate");
  Json config{{"max_new_tokens", generate.at("max_new_tokens")}};
  if (generate.contains("eos_token_id")) config["stop_token_ids"] = ids_of(generate["eos_token_id"]);
  return config;
}

Result<std::vector<std::vector<std::int32_t>>> recorded_tokens(const Json& one_case, const TensorFiles& recorded,
                                                               const std::vector<std::int32_t>& stop_ids) {
  IA_ASSIGN(auto rows, rows_of(one_case, recorded));
  const Json& generate = one_case.at("generate");
  const auto stops = generate.contains("eos_token_id") ? ids_of(generate["eos_token_id"]) : stop_ids;
  for (auto& row : rows) row.erase(std::ranges::find_first_of(row, stops), row.end());
  return rows;
}

std::vector<std::int32_t> stop_ids_of(const Json& config) { return ids_of(config.value("eos_token_id", Json())); }

}  // namespace ipfs_accelerate
