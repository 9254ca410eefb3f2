// What a run answers: one struct for each kind of answer. JSON is made of them where somebody wants JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ipfs_accelerate {

struct Embedding {
  std::vector<float> values{};
  friend bool operator==(const Embedding&, const Embedding&) = default;
};

struct Label {
  std::string label{};
  double score = 0;  ///< a probability; of a regression the number itself
  friend bool operator==(const Label&, const Label&) = default;
};
/// The likeliest labels, best first.
struct Labels {
  std::vector<Label> labels{};
  friend bool operator==(const Labels&, const Labels&) = default;
};

/// One token in place of a mask.
struct MaskFill {
  double score = 0;
  std::int32_t token = 0;
  std::string token_str{};
  std::string sequence{};  ///< the whole text with it
  friend bool operator==(const MaskFill&, const MaskFill&) = default;
};
/// For each mask of a text the likeliest tokens, best first.
struct MaskFills {
  std::vector<std::vector<MaskFill>> masks{};
  friend bool operator==(const MaskFills&, const MaskFills&) = default;
};

struct GeneratedText {
  std::string text{};
  std::vector<std::int32_t> tokens{};
  std::string finish_reason{};  ///< "stop": the model or a stop text ended it; "length": it reached its limit
  friend bool operator==(const GeneratedText&, const GeneratedText&) = default;
};

/// The answer to one input.
using Answer = std::variant<Embedding, Labels, MaskFills, GeneratedText>;

/// Which alternative of Answer, in its order.
enum class AnswerKind : std::uint8_t { kEmbedding, kLabels, kMaskFills, kGeneratedText };
inline AnswerKind kind_of(const Answer& answer) { return static_cast<AnswerKind>(answer.index()); }
/// "embedding", "labels", "mask_fills", "generated_text".
std::string_view answer_kind_name(AnswerKind kind) noexcept;

/// As RunResult::to_json() has it under `output`: an embedding is a list of numbers; labels [{label, score}]; fills
/// [{score, sequence, token, token_str}], one list for each mask where a text has several; a generated text
/// {text, tokens, finish_reason}.
std::string to_json(const Answer& answer);

}  // namespace ipfs_accelerate
