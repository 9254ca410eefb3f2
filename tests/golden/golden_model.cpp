// Comparing a model with its golden.json; see golden_model.h. The format is described beside the recorded folders.
#include "golden/golden_model.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <map>

#include "golden/generation_cases.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
using Values = std::map<std::string, Tensor>;

std::string text_at(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

std::string task_of_class(const std::string& name) {
  if (name.ends_with("ForMaskedLM")) return "fill-mask";
  if (name.ends_with("ForSequenceClassification")) return "text-classification";
  if (name.ends_with("ForImageClassification")) return "image-classification";
  if (name.ends_with("ForConditionalGeneration")) return "text2text-generation";
  if (name.ends_with("LMHeadModel") || name.ends_with("ForCausalLM")) return "text-generation";
  if (name.ends_with("Model")) return "feature-extraction";
  return "";
}

/// Texts of a case ("texts" or "text", each a string or a pair) as the inputs of a call.
Json texts_of(const Json& one_case) {
  const Json list = one_case.contains("texts")  ? one_case["texts"]
                    : one_case.contains("text") ? Json::array({one_case["text"]})
                                                : Json::array();
  Json texts = Json::array();
  for (const Json& text : list) {
    if (text.is_string()) texts.push_back({{"text", text}});
    if (text.is_array() && text.size() == 2) texts.push_back({{"text", text[0]}, {"pair", text[1]}});
  }
  return texts;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return aa == 0 && bb == 0 ? 1 : dot / std::sqrt(aa * bb);
}

/// Dot products of all pairs of rows, divided by their lengths.
Tensor cosine_matrix(const Tensor& vectors) {
  const auto rows = static_cast<std::size_t>(vectors.shape[0]), columns = static_cast<std::size_t>(vectors.shape[1]);
  Tensor matrix = Tensor::f32({vectors.shape[0], vectors.shape[0]});
  for (std::size_t at = 0; at < rows * rows; ++at) {
    matrix.f32s()[at] = static_cast<float>(cosine(vectors.f32s().subspan(at / rows * columns, columns),
                                                  vectors.f32s().subspan(at % rows * columns, columns)));
  }
  return matrix;
}

Tensor probabilities(const Tensor& logits, bool multi_label) {
  Tensor result = logits;
  const auto columns = static_cast<std::size_t>(logits.shape.back());
  multi_label = multi_label || columns == 1;
  for (std::size_t at = 0; at < result.f32s().size(); at += columns) {
    const auto row = result.f32s().subspan(at, columns);
    const double top = *std::ranges::max_element(row);
    double sum = 0;
    for (const float value : row) sum += std::exp(value - top);
    for (float& value : row) {
      value = static_cast<float>(multi_label ? 1 / (1 + std::exp(-static_cast<double>(value)))
                                             : std::exp(value - top) / sum);
    }
  }
  return result;
}

Bytes from_base64(std::string_view text) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char digit : text) {
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) break;
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) bytes.push_back(static_cast<std::uint8_t>(group >> (bits -= 8) & 255));
  }
  return bytes;
}

/// {"name", "shape", "values"}: f32, as base64 or as numbers (JSON carries NaN and infinity as null).
Result<Tensor> tensor_of(const Json& output) {
  Shape shape = output.value("shape", Shape());
  IA_ASSIGN(const std::int64_t count, element_count(shape));
  Tensor tensor = Tensor::f32(std::move(shape));
  const Json& values = output.at("values");
  if (values.is_string()) {
    tensor.bytes = from_base64(values.get<std::string>());
  } else {
    for (std::size_t i = 0; i < values.size() && i < tensor.f32s().size(); ++i) {
      tensor.f32s()[i] = values[i].is_number() ? values[i].get<float>() : NAN;
    }
  }
  const bool whole = tensor.bytes.size() == static_cast<std::size_t>(count) * sizeof(float);
  if (!whole || (values.is_array() && values.size() != tensor.f32s().size())) {
    return fail(ErrorCode::kWrongShape, "'{}' has other values than its shape says", text_at(output, "name"));
  }
  return tensor;
}

bool has_pictures(const Json& one_case) { return one_case.at("inputs").contains("pixel_values"); }

/// The pictures of a case as the inputs of a call.
Json pictures_of(const Json& one_case, const std::filesystem::path& folder) {
  Json pictures = Json::array();
  for (const Json& name : one_case.value("images", Json::array())) {
    pictures.push_back({{"image", (folder / name.get<std::string>()).string()}});
  }
  return pictures;
}

/// A mask, or 1 everywhere; of pictures none.
Result<Tensor> mask_of(const Json& one_case, const TensorFiles& recorded) {
  const Json& inputs = one_case.at("inputs");
  if (has_pictures(one_case)) return Tensor::i32({0, 0});
  if (inputs.contains("attention_mask")) return recorded.ints(text_at(inputs, "attention_mask"));
  IA_ASSIGN(Tensor ones, recorded.ints(text_at(inputs, "input_ids")));
  std::ranges::fill(ones.i32s(), 1);
  return ones;
}

std::vector<std::int32_t> row_of(const Tensor& table, std::size_t row) {
  const auto columns = static_cast<std::size_t>(table.shape[1]);
  const auto values = table.i32s().subspan(row * columns, columns);
  return {values.begin(), values.end()};
}

/// The recorded inputs of a case as the encodings of a call.
Result<Json> encodings_of(const Json& one_case, const TensorFiles& recorded) {
  const Json& inputs = one_case.at("inputs");
  IA_ASSIGN(const Tensor ids, recorded.ints(text_at(inputs, "input_ids")));
  if (ids.shape.size() != 2) return fail(ErrorCode::kWrongShape, "input_ids has shape {}", shape_text(ids.shape));
  IA_ASSIGN(const Tensor mask, mask_of(one_case, recorded));
  Tensor types = Tensor::i32(ids.shape);
  if (inputs.contains("token_type_ids")) {
    IA_ASSIGN(types, recorded.ints(text_at(inputs, "token_type_ids")));
  }
  if (mask.shape != ids.shape || types.shape != ids.shape) {
    return fail(ErrorCode::kWrongShape, "inputs have different shapes");
  }
  Json encodings = Json::array();
  for (std::size_t i = 0; i < static_cast<std::size_t>(ids.shape[0]); ++i) {
    encodings.push_back({{"ids", row_of(ids, i)}, {"type_ids", row_of(types, i)}, {"attention_mask", row_of(mask, i)}});
  }
  return encodings;
}

bool generates(const std::string& task) { return task.ends_with("-generation"); }
bool is_generation(const Json& one_case) { return text_at(one_case, "kind") == "generate"; }

/// The recorded inputs of a case as tensors of a call.
Result<Json> tensors_of(const Json& one_case, const TensorFiles& recorded) {
  Json tensors = Json::object();
  for (const auto& [name, stored] : one_case.at("inputs").items()) {
    if (name == "pixel_values") {
      IA_ASSIGN(const Tensor pixels, recorded.floats(stored.get<std::string>()));
      tensors[name] = {{"shape", pixels.shape}, {"values", pixels.f32s()}};
      continue;
    }
    IA_ASSIGN(const Tensor tensor, recorded.ints(stored.get<std::string>()));
    tensors[name] = {{"shape", tensor.shape}, {"ints", tensor.i32s()}};
  }
  return tensors;
}

bool wants_masks(const Json& one_case, const std::string& task) {
  return one_case.contains("fill_mask") && task == "fill-mask";
}
bool wants_labels(const Json& one_case, const std::string& task) {
  return one_case.contains("labels") && task.ends_with("-classification");
}

}  // namespace

/// Takes the answers one after the other, in the order of the calls.
class GoldenJudge {
 public:
  GoldenJudge(const Golden& golden, std::span<const Json> answers) : golden_(golden), answers_(answers) {}

  GoldenReport judge() {
    for (const Json& one_case : golden_.cases_) {
      ++report_.cases;
      name_ = text_at(one_case, "name");
      if (const auto checked = check_case(one_case); !checked) failed(checked.error().message);
    }
    if (!answers_.empty()) failed(std::format("{} answers too many", answers_.size()));
    return std::move(report_);
  }

 private:
  bool half() const { return golden_.options_.precision == 16; }
  void failed(const std::string& why) { report_.failures.push_back(name_ + ": " + why); }

  /// The next answer's value; an error when there is none.
  Result<Json> next() {
    if (answers_.empty()) return fail(ErrorCode::kInternal, "the engine gave no answer");
    const Json answer = answers_.front();
    answers_ = answers_.subspan(1);
    if (answer.is_object() && answer.contains("value")) return answer["value"];
    const Json error = answer.is_object() && answer.contains("error") ? answer["error"] : Json::object();
    return fail(ErrorCode::kInternal, "{} {}", error.value("code", Json("no answer")).dump(),
                text_at(error, "message"));
  }

  Result<> check_case(const Json& one_case) {
    if (is_generation(one_case)) {
      IA_ASSIGN(const Json answered, next());
      return check_generated(one_case, answered);
    }
    // All answers of the case first, so that a failure does not shift those of the next.
    const Result<Json> evaluated = next();
    const bool has_texts = !texts_of(one_case).empty();
    const Result<Json> tokenized = has_texts ? next() : Json();
    const bool asked = wants_masks(one_case, golden_.task_) || wants_labels(one_case, golden_.task_);
    const Result<Json> answered = asked ? next() : Json();
    if (!evaluated) return std::unexpected(evaluated.error());
    const double tolerance = one_case.value(Json::json_pointer("/tolerance/abs"), 1e-4);
    IA_TRY(check_outputs(one_case, *evaluated, tolerance));
    if (!tokenized) return std::unexpected(tokenized.error());
    if (has_texts) IA_TRY(check_ids(one_case, *tokenized));
    if (!answered) return std::unexpected(answered.error());
    if (asked) check_answers(one_case, *answered, tolerance);
    return {};
  }

  /// Token for token, in f32; in f16 others may be likeliest.
  Result<> check_generated(const Json& one_case, const Json& answered) {
    IA_ASSIGN(const auto recorded, recorded_tokens(one_case, golden_.recorded_, golden_.stop_ids_));
    const Json answers = answered.value("output", Json::array());
    if (answers.size() != recorded.size()) {
      failed(std::format("{} answers for {} texts", answers.size(), recorded.size()));
      return {};
    }
    for (std::size_t i = 0; i < recorded.size() && !half(); ++i) {
      const Json tokens = answers[i].value("tokens", Json());
      if (tokens == Json(recorded[i])) continue;
      failed(std::format("text {} goes on with {}, recorded {}", i, tokens.dump(), Json(recorded[i]).dump()));
    }
    return {};
  }

  Result<> check_outputs(const Json& one_case, const Json& evaluated, double tolerance) {
    Values values;
    for (const Json& output : evaluated.value("outputs", Json::array())) {
      IA_ASSIGN(Tensor tensor, tensor_of(output));
      values.emplace(text_at(output, "name"), std::move(tensor));
    }
    count_declined(evaluated);
    check_memory(evaluated);
    IA_ASSIGN(const Tensor mask, mask_of(one_case, golden_.recorded_));
    for (const auto& [output, tensor] : one_case["outputs"].items()) {
      if (output.starts_with("probe.")) continue;
      IA_ASSIGN(const Tensor expected, golden_.recorded_.floats(tensor.get<std::string>()));
      const auto actual = computed(output, values);
      if (!actual) {
        failed(actual.error().message);
        continue;
      }
      compare(output, *actual, expected, mask, tolerance);
    }
    return {};
  }

  void count_declined(const Json& evaluated) {
    report_.declined_nodes = 0;
    for (const Json& segment : evaluated.value("segments", Json::array())) {
      if (text_at(segment, "platform") != golden_.options_.platform)
        report_.declined_nodes += segment.value("nodes", 0u);
    }
  }

  /// What the backends said the run would take is what it took.
  void check_memory(const Json& evaluated) {
    const Json predicted = evaluated.value("predicted", Json()), taken = evaluated.value("taken", Json());
    if (predicted.is_object() && predicted == taken) return;
    failed(std::format("memory predicted {}, taken {}", predicted.dump(), taken.dump()));
  }

  /// Tokenizing the case's texts gives the recorded ids, padding left out.
  Result<> check_ids(const Json& one_case, const Json& tokenized) {
    IA_ASSIGN(const Tensor ids, golden_.recorded_.ints(text_at(one_case["inputs"], "input_ids")));
    IA_ASSIGN(const Tensor mask, mask_of(one_case, golden_.recorded_));
    const Json rows = tokenized.value("ids", Json::array());
    for (std::size_t i = 0; i < texts_of(one_case).size(); ++i) {
      std::vector<std::int32_t> wanted;
      const std::vector<std::int32_t> row = row_of(ids, i), kept = row_of(mask, i);
      for (std::size_t k = 0; k < row.size(); ++k) {
        if (kept[k] != 0) wanted.push_back(row[k]);
      }
      if (i < rows.size() && rows[i] == Json(wanted)) continue;
      report_.ids_equal = false;
      failed(std::format("text {} becomes ids {}, recorded {}", i, i < rows.size() ? rows[i].dump() : "none",
                         Json(wanted).dump()));
    }
    return {};
  }

  static int last_layer(const Values& values) {
    int last = 0;
    while (values.contains(std::format("hidden_states.{}", last + 1))) ++last;
    return last;
  }

  /// The value of a recorded output's name; derived ones are computed here.
  Result<Tensor> computed(const std::string& name, const Values& values) const {
    const auto value = [&](const std::string& wanted) -> const Tensor* {
      const auto found = values.find(wanted);
      return found == values.end() ? nullptr : &found->second;
    };
    const Tensor *logits = value("logits"), *embedding = value("embedding");
    if (const Tensor* same = value(name)) return *same;
    if (name == "last_hidden_state") {
      if (const Tensor* last = value(std::format("hidden_states.{}", last_layer(values)))) return *last;
    }
    if (name == "encoder_last_hidden_state") {
      int last = 0;
      while (value(std::format("encoder_hidden_states.{}", last + 1))) ++last;
      if (const Tensor* state = value(std::format("encoder_hidden_states.{}", last))) return *state;
    }
    if (name == "mean_pooled" && embedding) return value("pooled") ? *value("pooled") : *embedding;
    if (name == "sentence_embedding" && embedding) return *embedding;
    if ((name == "cosine_similarity" || name == "similarity") && embedding) return cosine_matrix(*embedding);
    if (name == "probs" && logits) return probabilities(*logits, golden_.multi_label_);
    return fail(ErrorCode::kInvalidArgument, "the engine does not compute '{}'", name);
  }

  /// Differences where the mask is 1 (outputs per token), or everywhere.
  void compare(const std::string& where, const Tensor& actual, const Tensor& expected, const Tensor& mask,
               double tolerance) {
    if (actual.shape != expected.shape) {
      return failed(
          std::format("{}: shape {}, recorded {}", where, shape_text(actual.shape), shape_text(expected.shape)));
    }
    const bool per_token =
        actual.shape.size() == 3 && actual.shape[0] == mask.shape[0] && actual.shape[1] == mask.shape[1];
    std::vector<float> a, e;
    const auto columns =
        static_cast<std::size_t>(std::max<std::int64_t>(actual.shape.empty() ? 1 : actual.shape.back(), 1));
    for (std::size_t at = 0; at < actual.f32s().size(); at += columns) {
      if (per_token && mask.i32s()[at / columns] == 0) continue;
      a.append_range(actual.f32s().subspan(at, columns));
      e.append_range(expected.f32s().subspan(at, columns));
    }
    double error = 0, scale = 1;
    bool finite = true;
    for (std::size_t i = 0; i < a.size(); ++i) {
      finite = finite && std::isfinite(a[i]);
      error = std::max(error, std::abs(static_cast<double>(a[i]) - e[i]));
      scale = std::max(scale, std::abs(static_cast<double>(e[i])));
    }
    const double similarity = cosine(a, e);
    if (error > report_.worst_error || report_.worst_output.empty()) {
      report_.worst_error = error;
      report_.worst_output = name_ + " " + where;
    }
    report_.worst_cosine = std::min(report_.worst_cosine, similarity);
    const bool good = half() ? similarity >= 0.999 && error <= 0.05 * scale : error <= tolerance;
    if (!finite || !good) {
      failed(std::format("{}: off by {:.3g}, cosine {:.6f}, allowed {:.3g}", where, error, similarity,
                         half() ? 0.05 * scale : tolerance));
    }
  }

  /// "fill_mask" and "labels": what the whole pipeline answers for the texts.
  void check_answers(const Json& one_case, const Json& answered, double tolerance) {
    const bool masks = wants_masks(one_case, golden_.task_);
    const Json& recorded = one_case[masks ? "fill_mask" : "labels"];
    const Json answers = answered.value("output", Json::array());
    if (answers.size() != recorded.size()) {
      return failed(std::format("{} answers for {} texts", answers.size(), recorded.size()));
    }
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const Json expected = masks ? recorded[i]["top5"] : Json::array({recorded[i]});
      for (std::size_t k = 0; k < expected.size(); ++k) {
        const Json actual = k < answers[i].size() ? answers[i][k] : Json::object();
        const bool same = half() || (masks ? actual.value("token", Json()) == expected[k]["id"]
                                           : actual.value("label", Json()) == expected[k]["label"]);
        const double off = std::abs(actual.value("score", 1e9) - expected[k]["score"].get<double>());
        if (same && off <= (half() ? 0.05 : tolerance)) continue;
        failed(std::format("answer {} for text {} is {}, recorded {}", k, i, actual.dump(), expected[k].dump()));
      }
    }
  }

  const Golden& golden_;
  std::span<const Json> answers_;
  GoldenReport report_;
  std::string name_;  ///< of the case
};

Result<Golden> Golden::open(const std::filesystem::path& folder, const GoldenOptions& options) {
  IA_ASSIGN(const std::string text, read_text(folder / "golden.json"));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("cases") || !json["cases"].is_array()) {
    return fail(ErrorCode::kMalformedConfig, "golden.json has no list of cases");
  }
  Golden golden;
  golden.folder_ = folder;
  golden.options_ = options;
  golden.task_ = task_of_class(text_at(json, "class"));
  if (golden.task_.empty()) {
    return fail(ErrorCode::kUnknownTask, "models of class '{}' are not judged here", text_at(json, "class"));
  }
  // Without modules.json the recorded sentence embedding says itself that it is normalized.
  golden.normalize_ = !std::filesystem::exists(folder / "modules.json");
  IA_ASSIGN(const std::string config, read_text(folder / "config.json"));
  golden.multi_label_ = text_at(Json::parse(config, nullptr, false), "problem_type") == "multi_label_classification";
  if (const auto generation = read_text(folder / "generation_config.json")) {
    golden.stop_ids_ = stop_ids_of(Json::parse(*generation, nullptr, false));
  }
  IA_TRY(golden.recorded_.add(folder / "golden.safetensors"));
  for (const Json& one_case : json["cases"]) {
    if (generates(golden.task_) && is_generation(one_case) && is_greedy(one_case)) golden.cases_.push_back(one_case);
    if (text_at(one_case, "kind") != "forward") continue;
    const auto inputs =
        has_pictures(one_case) ? tensors_of(one_case, golden.recorded_) : encodings_of(one_case, golden.recorded_);
    if (!inputs) {
      return while_doing(inputs.error(), "reading case '{}'", text_at(one_case, "name"));
    }
    golden.cases_.push_back(one_case);
  }
  if (golden.cases_.empty()) return fail(ErrorCode::kMalformedConfig, "golden.json has no forward case");
  return golden;
}

std::vector<Json> Golden::calls() const {
  Json config = {
      {"task", task_}, {"platform", options_.platform}, {"precision", options_.precision}, {"allow_fallback", false}};
  if (normalize_) config["normalize"] = true;
  const auto call = [&](const char* method, Json fields) {
    fields["method"] = method;
    fields["model"] = folder_.string();
    if (!fields.contains("config")) fields["config"] = config;
    return fields;
  };
  Json plain = config;  // as plain texts: the fill-mask task wants a mask token in each
  if (!generates(task_)) plain["task"] = "feature-extraction";
  std::vector<Json> calls;
  for (const Json& one_case : cases_) {
    Json texts = texts_of(one_case);
    if (is_generation(one_case)) {
      Json generating = config;
      generating.update(generation_config(one_case));
      calls.push_back(call("run", {{"inputs", texts}, {"config", generating}}));
      continue;
    }
    Json evaluated{{"hidden_states", true}, {"all_tokens", true}};
    if (generates(task_) || has_pictures(one_case)) {
      evaluated["tensors"] = tensors_of(one_case, recorded_).value();  // open() looked
    } else {
      evaluated["encodings"] = encodings_of(one_case, recorded_).value();
    }
    calls.push_back(call("evaluate", std::move(evaluated)));
    if (!texts.empty()) calls.push_back(call("evaluate", {{"inputs", texts}, {"config", plain}}));
    if (wants_masks(one_case, task_)) {
      texts = Json::array();
      for (const Json& entry : one_case["fill_mask"]) texts.push_back({{"text", entry.at("text")}});
      calls.push_back(call("run", {{"inputs", texts}}));
    } else if (wants_labels(one_case, task_)) {
      calls.push_back(call("run", {{"inputs", has_pictures(one_case) ? pictures_of(one_case, folder_) : texts}}));
    }
  }
  return calls;
}

GoldenReport Golden::judge(std::span<const Json> answers) const { return GoldenJudge(*this, answers).judge(); }

}  // namespace ipfs_accelerate
