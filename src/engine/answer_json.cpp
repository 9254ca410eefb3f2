// Answers as JSON.
#include "engine/answer_json.h"

#include <array>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::ordered_json;

Json fills_json(const std::vector<MaskFill>& fills) {
  Json list = Json::array();
  for (const MaskFill& fill : fills) {
    list.push_back(
        {{"score", fill.score}, {"sequence", fill.sequence}, {"token", fill.token}, {"token_str", fill.token_str}});
  }
  return list;
}

struct ToJson {
  Json operator()(const Embedding& embedding) const { return Json(embedding.values); }
  Json operator()(const Labels& labels) const {
    Json list = Json::array();
    for (const Label& one : labels.labels) list.push_back({{"label", one.label}, {"score", one.score}});
    return list;
  }
  Json operator()(const MaskFills& fills) const {
    if (fills.masks.size() == 1) return fills_json(fills.masks[0]);
    Json list = Json::array();
    for (const auto& mask : fills.masks) list.push_back(fills_json(mask));
    return list;
  }
  Json operator()(const GeneratedText& text) const {
    return {{"text", text.text}, {"tokens", text.tokens}, {"finish_reason", text.finish_reason}};
  }
};

}  // namespace

Json answer_json(const Answer& answer) { return std::visit(ToJson(), answer); }

Json answers_json(const std::vector<Answer>& answers) {
  Json list = Json::array();
  for (const Answer& answer : answers) list.push_back(answer_json(answer));
  return list;
}

std::string_view answer_kind_name(AnswerKind kind) noexcept {
  constexpr std::array<std::string_view, std::variant_size_v<Answer>> kNames{"embedding", "labels", "mask_fills",
                                                                             "generated_text"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string to_json(const Answer& answer) {
  return answer_json(answer).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ipfs_accelerate
