// Writing answers, summaries and plans for people.
#include "answer_text.h"

#include <algorithm>
#include <format>
#include <iostream>
#include <ranges>

#include "commands.h"

namespace ipfs_accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

/// The line above an answer.
struct Title {
  std::string operator()(const Text& one) const { return shorten(one.text, 60); }
  std::string operator()(const TextPair& two) const { return shorten(two.text, 60); }
  std::string operator()(const Messages& all) const { return shorten(all.messages.back().content, 60); }
  std::string operator()(const Picture& picture) const { return std::format("image, {} bytes", picture.file.size()); }
  std::string operator()(const Pixels& pixels) const {
    return std::format("image, {} x {}", pixels.width, pixels.height);
  }
  std::string operator()(const Sound& sound) const { return std::format("sound, {} bytes", sound.file.size()); }
  std::string operator()(const Samples& sound) const { return std::format("sound, {} samples", sound.values.size()); }
};

template <class Items, class Word>
std::string ranked(const Items& items, Word word) {
  std::string text;
  for (const auto& item : items) text += std::format("{}{} {:.4f}", text.empty() ? "" : ", ", word(item), item.score);
  return text;
}

/// "one 100.0 %", a line for each label; of a model with a single one the number itself, as a regression gives it.
std::string label_lines(const std::vector<Label>& labels, bool percent) {
  std::string text;
  for (const Label& one : labels) {
    text += text.empty() ? "" : "\n  ";
    text += percent ? std::format("{} {:.1f} %", one.label, 100 * one.score)
                    : std::format("{} {:.4f}", one.label, one.score);
  }
  return text;
}

/// An answer in a line, or in one for each mask or label.
struct Preview {
  int top_k = 5;

  std::string operator()(const Embedding& embedding) const {
    std::string numbers;
    for (const float value : embedding.values | std::views::take(6)) numbers += std::format("{:.4f} ", value);
    return std::format("[{}... {} numbers]", numbers, embedding.values.size());
  }
  std::string operator()(const Labels& labels) const {
    const bool shares =
        std::ranges::all_of(labels.labels, [](const Label& one) { return one.score >= 0 && one.score <= 1; });
    return label_lines(labels.labels, shares && (labels.labels.size() > 1 || top_k == 1));
  }
  std::string operator()(const MaskFills& fills) const {
    std::string text;
    for (const auto& mask : fills.masks) {
      text += (fills.masks.size() > 1 ? "\n    " : "") + ranked(mask, std::mem_fn(&MaskFill::token_str));
    }
    return text;
  }
  std::string operator()(const GeneratedText& text) const { return text.text; }
};

/// "12 tokens/s" of generated texts, else "3 items/s".
std::string speed(const RunResult& result) {
  std::size_t tokens = 0;
  for (const Answer& answer : result.answers) {
    const auto* const text = std::get_if<GeneratedText>(&answer);
    if (!text) return std::format("{:.0f} items/s", result.throughput_items_per_sec);
    tokens += text->tokens.size();
  }
  return std::format("{} tokens, {:.1f} tokens/s", tokens, static_cast<double>(tokens) / result.processing_time);
}

std::string names_of(const Json& values) {
  std::string text;
  for (const Json& value : values) text += (text.empty() ? "" : ", ") + value.value("name", "");
  return text;
}

}  // namespace

std::string title_of(const Content& content) { return std::visit(Title(), content); }

std::string limit_reached(const RunResult& result, int asked, std::int64_t context) {
  std::size_t cut = 0;
  for (const Answer& answer : result.answers) {
    const auto* const text = std::get_if<GeneratedText>(&answer);
    cut += text && text->finish_reason == "length";
  }
  if (cut == 0) return "";
  if (result.answers.size() > 1) {
    return std::format(", {} of {} stopped at a limit (-n, or what the model has room for)", cut,
                       result.answers.size());
  }
  const auto count = static_cast<std::int64_t>(std::get<GeneratedText>(result.answers[0]).tokens.size());
  if (asked > 0 && count == asked) return std::format(", stopped at {} tokens (-n)", count);
  // Each token but the last was computed, those of the prompt too.
  if (context > 0 && result.tokens + 1 >= context)
    return std::format(", stopped at the model's context of {}", context);
  return std::format(", stopped at {} tokens, the model's own limit (-n sets another)", count);
}

std::string summary(const RunResult& result, const std::string& limit) {
  std::string line =
      std::format("{} on {}: {}, {}{}, {:.0f} MB, {}", result.task, result.adapter_info,
                  human_time(result.processing_time), speed(result), limit, result.memory_usage_mb, result.cid);
  if (!result.fallback.empty()) line += "\n(fallback: " + result.fallback + ")";
  return line;
}

void print_answers(const std::vector<Content>& inputs, const RunResult& result, const std::vector<std::string>& names,
                   int top_k) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    std::cout << (i < names.size() ? names[i] : title_of(inputs[i])) << "\n  "
              << std::visit(Preview{top_k}, result.answers[i]) << '\n';
  std::cout.flush();
}

std::string human_plan(const Json& plan) {
  std::string text = std::format("{}, {}: {} -> {}\n", plan.value("architecture", ""), plan.value("task", ""),
                                 names_of(plan["inputs"]), names_of(plan["outputs"]));
  for (const Json& segment : plan["segments"]) {
    text += std::format("{} on {}: {} nodes\n", segment.value("part", ""), segment.value("platform", ""),
                        segment["nodes"].size());
    if (const std::string why = segment.value("reason", ""); !why.empty()) text += "  because " + why + "\n";
    for (const Json& node : segment["nodes"]) {
      text += std::format("  {:<14} {:<44} {}\n", node.value("op", ""), node.value("name", ""), node["shape"].dump());
    }
  }
  return text + std::format("weights {} in {} tensors, states {}, activations {}\non {}: {}\n",
                            human_bytes(plan["weight_bytes"].get<std::uint64_t>()), plan["weights"].size(),
                            human_bytes(plan["state_bytes"].get<std::uint64_t>()),
                            human_bytes(plan["activation_bytes"].get<std::uint64_t>()), plan.value("device", ""),
                            plan.value("reason", ""));
}

}  // namespace ipfs_accelerate::cli
