// Shipped models: what is asked of each, how its answers become predictions and golden numbers; see shipped_model.h.
#include "golden/shipped_model.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <map>
#include <numeric>
#include <sstream>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using Row = std::vector<double>;

constexpr std::size_t kNumbers = 10000;  // what the retrieval model finds words among: 0, 1, ...
constexpr double kGoldenBound32 = 1e-4, kGoldenBound16 = 0.02, kSameShare16 = 0.95;

Result<Json> read_json(const std::filesystem::path& file) {
  IA_ASSIGN(const std::string text, read_text(file));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail(ErrorCode::kMalformedConfig, "{} is no JSON object", file.string());
  return json;
}

Result<Json> read_lines(const std::filesystem::path& file) {
  IA_ASSIGN(const std::string text, read_text(file));
  Json lines = Json::array();
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    lines.push_back(Json::parse(line, nullptr, false));
    if (!lines.back().is_object()) return fail(ErrorCode::kMalformedConfig, "{}: a line is none", file.string());
  }
  return lines;
}

double dot(const Row& a, const Row& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

Row normalized(Row row) {
  const double length = std::sqrt(dot(row, row));
  for (double& value : row) value /= length > 0 ? length : 1;
  return row;
}

Row softmax(Row row) {
  const double top = *std::ranges::max_element(row);
  double sum = 0;
  for (double& value : row) sum += value = std::exp(value - top);
  for (double& value : row) value /= sum;
  return row;
}

/// An embedding, of length 1; empty when the answer is none.
Row embedding_of(const Json& answer) {
  Row row;
  for (const Json& value : answer.is_array() ? answer : Json::array()) {
    if (!value.is_number()) return {};
    row.push_back(value.get<double>());
  }
  return normalized(std::move(row));
}

std::string label_of(const Json& ranked) { return ranked.is_object() ? ranked.value("label", "") : ""; }

/// The score of each label; empty when one is missing.
Row scores_of(const Json& answer, const std::vector<std::string>& labels) {
  Row row;
  for (const std::string& label : labels) {
    const auto same = [&](const Json& ranked) { return label_of(ranked) == label && ranked.contains("score"); };
    const auto found = std::ranges::find_if(answer, same);
    if (found == answer.end() || !(*found)["score"].is_number()) return {};
    row.push_back((*found)["score"].get<double>());
  }
  return row;
}

/// For each query the number whose embedding is nearest.
std::vector<std::string> nearest(std::span<const Json> queries, std::span<const Json> numbers) {
  std::vector<Row> vectors;
  for (const Json& number : numbers) vectors.push_back(embedding_of(number));
  std::vector<std::string> found;
  for (const Json& query : queries) {
    const Row asked = embedding_of(query);
    const auto likeness = [&](const Row& row) { return row.size() == asked.size() ? dot(asked, row) : -2; };
    const auto best = std::ranges::max_element(vectors, {}, likeness);
    found.push_back(std::to_string(best - vectors.begin()));
  }
  return found;
}

/// `hf` of each line: the label instead of its number.
Result<> name_labels(Json& lines, const std::vector<std::string>& labels) {
  for (Json& one : lines) {
    const auto number = one["hf"].is_number_unsigned() ? one["hf"].get<std::size_t>() : labels.size();
    if (number >= labels.size()) return fail(ErrorCode::kMalformedConfig, "there is no label {}", one["hf"].dump());
    one["hf"] = labels[number];
  }
  return {};
}

Row tokens_of(const Json& answer, const std::vector<std::string>&) {
  return answer.is_object() ? answer.value("tokens", Row()) : Row();
}

/// The texts without the space that a tokenizer puts before words.
std::vector<std::string> texts_of(std::span<const Json> answers, std::span<const Json>) {
  std::vector<std::string> texts;
  for (const Json& answer : answers) {
    std::string text = answer.is_object() ? answer.value("text", "") : "";
    texts.push_back(text.starts_with(' ') ? text.substr(1) : std::move(text));
  }
  return texts;
}

std::vector<std::string> first_labels(std::span<const Json> answers) {
  std::vector<std::string> labels;
  for (const Json& answer : answers) {
    labels.push_back(answer.is_array() && !answer.empty() ? label_of(answer[0]) : "");
  }
  return labels;
}

}  // namespace

/// How a class of models is asked and read. A new one is a row of reading_of().
struct Shipped::Reading {
  const char *asked, *wanted;  ///< fields of the eval's lines
  const char* tensor;          ///< of golden.safetensors
  std::size_t candidates;      ///< numbers asked after the eval's texts
  Row (*recorded)(Row row);    ///< a row of the tensor as answers have it
  Row (*numbers)(const Json& answer, const std::vector<std::string>& labels);
  std::vector<std::string> (*predictions)(std::span<const Json> answers, std::span<const Json> candidates);
  /// Pictures: the eval's lines are labels.jsonl, which names files and has `hf` as the number of a label.
  bool pictures = false;
  /// Generated texts: the golden numbers are the tokens, which golden.json has; in f16 others may be likeliest.
  bool generates = false;
};

const Shipped::Reading* Shipped::reading_of(const std::string& model_class) {
  static const std::map<std::string, Reading> kReadings = {
      {"BertModel",
       {"query", "target", "embedding", kNumbers, [](Row row) { return row; },
        [](const Json& answer, const std::vector<std::string>&) { return embedding_of(answer); }, nearest}},
      {"GPT2LMHeadModel", {"prompt", "target", nullptr, 0, nullptr, tokens_of, texts_of, false, true}},
      {"T5ForConditionalGeneration", {"input", "target", nullptr, 0, nullptr, tokens_of, texts_of, false, true}},
      {"BertForSequenceClassification",
       {"text", "label", "logits", 0, softmax, scores_of,
        [](std::span<const Json> answers, std::span<const Json>) { return first_labels(answers); }}},
      {"ViTForImageClassification",
       {"file", "text", "logits", 0, softmax, scores_of,
        [](std::span<const Json> answers, std::span<const Json>) { return first_labels(answers); }, true}},
  };
  const auto found = kReadings.find(model_class);
  return found == kReadings.end() ? nullptr : &found->second;
}

bool Shipped::is_one(const std::filesystem::path& folder) {
  const auto golden = read_json(folder / "golden.json");
  return golden && golden->contains("inputs") && !golden->contains("cases");
}

Result<std::vector<double>> Shipped::recorded_numbers(const std::filesystem::path& folder, const Reading& reading) {
  TensorFiles files;
  IA_TRY(files.add(folder / "golden.safetensors"));
  IA_ASSIGN(const Tensor recorded, files.floats(reading.tensor));
  const auto values = recorded.f32s();
  const auto columns = static_cast<std::size_t>(recorded.shape.back());
  Row numbers;
  for (std::size_t at = 0; at < values.size(); at += columns) {
    numbers.append_range(reading.recorded(Row(values.begin() + at, values.begin() + at + columns)));
  }
  return numbers;
}

Result<Shipped> Shipped::open(const std::filesystem::path& folder, const GoldenOptions& options) {
  Shipped model;
  model.folder_ = folder;
  model.options_ = options;
  IA_ASSIGN(const Json golden, read_json(folder / "golden.json"));
  const std::string model_class = golden.value("class", "");
  model.reading_ = reading_of(model_class);
  if (!model.reading_) return fail(ErrorCode::kUnknownTask, "nothing here judges a {}", model_class);
  const Reading& reading = *model.reading_;
  IA_ASSIGN(model.cases_, read_lines(folder / "eval" / (reading.pictures ? "labels.jsonl" : "eval.jsonl")));
  const auto ask = [&](const char* below, const std::string& input) {
    model.texts_.push_back(reading.pictures ? (folder / below / input).string() : input);
  };
  for (const Json& input : golden.value("inputs", Json::array())) ask("", input.get<std::string>());
  for (const Json& one : model.cases_) {
    if (!one.contains(reading.asked) || !one.contains(reading.wanted) || !one.contains("hf")) {
      return fail(ErrorCode::kMalformedConfig, "the eval has a line without {}, {} or hf", reading.asked,
                  reading.wanted);
    }
    ask("eval", one[reading.asked].get<std::string>());
  }
  for (std::size_t number = 0; number < reading.candidates; ++number) model.texts_.push_back(std::to_string(number));

  IA_ASSIGN(const Json config, read_json(folder / "config.json"));
  const Json labels = config.value("id2label", Json::object());
  for (std::size_t i = 0; labels.contains(std::to_string(i)); ++i) model.labels_.push_back(labels[std::to_string(i)]);
  if (reading.pictures) IA_TRY(name_labels(model.cases_, model.labels_));
  if (reading.generates) {
    for (const Json& row : golden.value("greedy_ids", Json::array())) model.golden_.append_range(row.get<Row>());
  } else {
    IA_ASSIGN(model.golden_, recorded_numbers(folder, reading));
  }
  IA_ASSIGN(const Json metrics, read_json(folder / "metrics.json"));
  model.metric_ = metrics.value("metric", "");
  for (const auto& [name, value] : metrics.at("eval").items()) {
    if (name != "n") model.reference_ = value.get<double>();
  }
  return model;
}

std::vector<Json> Shipped::calls() const {
  Json inputs = Json::array();
  for (const std::string& text : texts_) inputs.push_back({{reading_->pictures ? "image" : "text", text}});
  Json config = {{"platform", options_.platform},
                 {"precision", options_.precision},
                 {"allow_fallback", false},
                 {"batch_size", 64}};
  if (labels_.size() > 5) config["top_k"] = labels_.size();  // each label's score is looked at
  return {{{"method", "run"}, {"model", folder_.string()}, {"inputs", inputs}, {"config", config}}};
}

ShippedReport Shipped::judge(std::span<const Json> answers) const {
  ShippedReport report{metric_, 0, reference_, 0, cases_.size(), 0, {}};
  const auto failed = [&](std::string why) {
    report.failures.push_back(std::move(why));
    return report;
  };
  if (answers.size() != 1) return failed(std::format("{} answers for one call", answers.size()));
  const Json value = answers[0].is_object() ? answers[0].value("value", Json()) : Json();
  if (!value.is_object()) return failed(answers[0].is_object() ? answers[0].dump() : "the engine gave no answer");
  if (const std::string platform = value.value("platform", ""); platform != options_.platform) {
    return failed(std::format("computed on '{}' instead of {}", platform, options_.platform));
  }
  if (!value.contains("output") || !value["output"].is_array()) return failed("an answer without output");
  const std::span<const Json> all(value["output"].get_ref<const Json::array_t&>());
  if (all.size() != texts_.size()) return failed(std::format("{} answers for {} texts", all.size(), texts_.size()));
  const std::size_t goldens = texts_.size() - cases_.size() - reading_->candidates;

  Row got;
  for (const Json& answer : all.first(goldens)) got.append_range(reading_->numbers(answer, labels_));
  const bool half = options_.precision == 16;
  if (reading_->generates && half) got = golden_;
  if (got.size() != golden_.size()) {
    return failed(std::format("{} golden numbers, recorded {}", got.size(), golden_.size()));
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - golden_[i]);
    report.worst_error = std::max(report.worst_error, error);
  }
  const double bound = half ? kGoldenBound16 : kGoldenBound32;
  if (!(report.worst_error <= bound)) {
    failed(std::format("a golden number is off by {:.3g}, allowed {:.0e}", report.worst_error, bound));
  }

  const auto predicted = reading_->predictions(all.subspan(goldens, cases_.size()), all.last(reading_->candidates));
  std::size_t right = 0;
  std::string first;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    const Json answer = predicted[i];
    const bool same = answer == cases_[i]["hf"];
    right += answer == cases_[i][reading_->wanted];
    report.same += same;
    if (!same && first.empty()) first = std::format("'{}' for {}", predicted[i], cases_[i].dump());
  }
  report.value = static_cast<double>(right) / static_cast<double>(cases_.size());
  const double wanted = (half ? kSameShare16 : 1) * static_cast<double>(cases_.size());
  if (static_cast<double>(report.same) < wanted) {
    failed(std::format("{} of {} answers are the recorded ones; the first that is not: {}", report.same, cases_.size(),
                       first));
  }
  return report;
}

}  // namespace ipfs_accelerate
