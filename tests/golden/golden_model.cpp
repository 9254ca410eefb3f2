// Comparing a model with its golden.json; see golden_model.h. The format is described beside the recorded folders.
#include "golden/golden_model.h"

#include <algorithm>
#include <cmath>

#include "task/text_batch.h"

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
  if (name.ends_with("Model")) return "feature-extraction";
  return "";
}

/// Texts of a case: "texts" or "text", each a string or a pair.
std::vector<TextInput> texts_of(const Json& one_case) {
  Json list = one_case.contains("texts")  ? one_case["texts"]
              : one_case.contains("text") ? Json::array({one_case["text"]})
                                          : Json::array();
  std::vector<TextInput> texts;
  for (const Json& text : list) {
    if (text.is_string()) texts.push_back({text.get<std::string>(), std::nullopt});
    if (text.is_array() && text.size() == 2 && text[0].is_string() && text[1].is_string()) {
      texts.push_back({text[0].get<std::string>(), text[1].get<std::string>()});
    }
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

Tensor probabilities(const Tensor& logits, const ModelFacts& facts) {
  Tensor result = logits;
  const auto columns = static_cast<std::size_t>(logits.shape.back());
  for (std::size_t at = 0; at < result.f32s().size(); at += columns) {
    const auto row = result.f32s().subspan(at, columns);
    const std::vector<double> soft = softmax(row);
    for (std::size_t c = 0; c < columns; ++c) {
      row[c] = static_cast<float>(facts.multi_label ? 1 / (1 + std::exp(-static_cast<double>(row[c]))) : soft[c]);
    }
  }
  return result;
}

/// Checks one folder; fills the report.
class Checker {
 public:
  Checker(const Devices& devices, GoldenReport& report) : devices_(devices), report_(report) {}

  Result<> open(const std::filesystem::path& folder) {
    IA_ASSIGN(const std::string text, read_text(folder / "golden.json"));
    golden_ = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!golden_.is_object() || !golden_["cases"].is_array()) {
      return fail(ErrorCode::kMalformedConfig, "golden.json has no list of cases");
    }
    IA_ASSIGN(model_, read_model_folder(folder));
    IA_TRY(recorded_.add(folder / "golden.safetensors"));
    PipelineOptions options{.task = task_of_class(text_at(golden_, "class"))};
    options.hidden_states = options.all_tokens = true;
    // Without modules.json the recorded sentence embedding says itself that it is normalized.
    if (!model_.files.contains("modules.json")) options.normalize = true;
    IA_ASSIGN(Pipeline pipeline, Pipeline::open(model_.files, model_.tensors.index().table(), options));
    pipeline_ = std::make_unique<Pipeline>(std::move(pipeline));
    IA_ASSIGN(runner_, make_runner(*pipeline_, model_.tensors, devices_));
    report_.declined_nodes = runner_->declined_nodes();
    return {};
  }

  Result<> check_cases() {
    for (const Json& one_case : golden_["cases"]) {
      if (text_at(one_case, "kind") != "forward") continue;
      ++report_.cases;
      const std::string name = text_at(one_case, "name");
      if (auto checked = check_case(one_case, name); !checked) {
        return while_doing(checked.error(), "checking case '{}'", name);
      }
    }
    if (report_.cases == 0) return fail(ErrorCode::kMalformedConfig, "golden.json has no forward case");
    return {};
  }

 private:
  bool half() const { return devices_.options().precision == 16; }
  void failed(std::string why) { report_.failures.push_back(std::move(why)); }

  Result<std::vector<Encoding>> recorded_encodings(const Json& inputs, Tensor& mask) {
    IA_ASSIGN(const Tensor ids, recorded_.ints(text_at(inputs, "input_ids")));
    if (ids.shape.size() != 2) return fail(ErrorCode::kWrongShape, "input_ids has shape {}", shape_text(ids.shape));
    mask = ids;
    std::ranges::fill(mask.i32s(), 1);
    Tensor types = Tensor::i32(ids.shape);
    if (inputs.contains("attention_mask")) {
      IA_ASSIGN(mask, recorded_.ints(text_at(inputs, "attention_mask")));
    }
    if (inputs.contains("token_type_ids")) {
      IA_ASSIGN(types, recorded_.ints(text_at(inputs, "token_type_ids")));
    }
    if (mask.shape != ids.shape || types.shape != ids.shape) {
      return fail(ErrorCode::kWrongShape, "inputs have different shapes");
    }
    std::vector<Encoding> encodings(static_cast<std::size_t>(ids.shape[0]));
    const auto columns = static_cast<std::size_t>(ids.shape[1]);
    for (std::size_t i = 0; i < encodings.size(); ++i) {
      const auto row = [&](const Tensor& t) { return t.i32s().subspan(i * columns, columns); };
      encodings[i].ids.assign_range(row(ids));
      encodings[i].type_ids.assign_range(row(types));
      encodings[i].attention_mask.assign_range(row(mask));
    }
    return encodings;
  }

  /// Tokenizes the case's texts and compares with the recorded inputs.
  Result<> check_ids(const Json& one_case, const std::string& name, const Batch& recorded) {
    const std::vector<TextInput> texts = texts_of(one_case);
    if (texts.empty()) return {};
    if (!pipeline_->tokenizer()) return fail(ErrorCode::kMissingTokenizer, "the folder has no tokenizer.json");
    std::vector<Encoding> encodings;
    for (const TextInput& text : texts) {
      IA_ASSIGN(Encoding encoding, pipeline_->tokenizer()->encode(text.text, text.pair, {}));
      encodings.push_back(std::move(encoding));
    }
    IA_ASSIGN(const Batch batch, pipeline_->prepare_encoded(std::move(encodings)));
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
      if (batch.inputs[i].shape == recorded.inputs[i].shape && batch.inputs[i].bytes == recorded.inputs[i].bytes) {
        continue;
      }
      report_.ids_equal = false;
      failed(std::format("{}: tokenizing gives other {}", name, batch.input_names[i]));
    }
    return {};
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
      if (const Tensor* last = value("hidden_states." + std::to_string(pipeline_->facts().layers))) return *last;
    }
    if (name == "mean_pooled" && embedding) return value("pooled") ? *value("pooled") : *embedding;
    if (name == "sentence_embedding" && embedding) return *embedding;
    if ((name == "cosine_similarity" || name == "similarity") && embedding) return cosine_matrix(*embedding);
    if (name == "probs" && logits) return probabilities(*logits, pipeline_->facts());
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
      report_.worst_output = where;
    }
    report_.worst_cosine = std::min(report_.worst_cosine, similarity);
    const bool good = half() ? similarity >= 0.999 && error <= 0.05 * scale : error <= tolerance;
    if (!finite || !good) {
      failed(std::format("{}: off by {:.3g}, cosine {:.6f}, allowed {:.3g}", where, error, similarity,
                         half() ? 0.05 * scale : tolerance));
    }
  }

  Result<> check_case(const Json& one_case, const std::string& name) {
    const double tolerance = one_case.value(Json::json_pointer("/tolerance/abs"), 1e-4);
    Tensor mask;
    IA_ASSIGN(std::vector<Encoding> encodings, recorded_encodings(one_case["inputs"], mask));
    IA_ASSIGN(const Batch batch, pipeline_->prepare_encoded(std::move(encodings)));
    IA_TRY(check_ids(one_case, name, batch));
    IA_ASSIGN(const Values values, runner_->run(batch));
    for (const auto& [output, tensor] : one_case["outputs"].items()) {
      if (output.starts_with("probe.")) continue;
      IA_ASSIGN(const Tensor expected, recorded_.floats(tensor.get<std::string>()));
      const auto actual = computed(output, values);
      if (!actual) {
        failed(std::format("{} {}: {}", name, output, actual.error().message));
        continue;
      }
      compare(name + " " + output, *actual, expected, mask, tolerance);
    }
    return check_answers(one_case, name, tolerance);
  }

  /// "fill_mask" and "labels": what the whole pipeline answers for the texts.
  Result<> check_answers(const Json& one_case, const std::string& name, double tolerance) {
    const bool masks = one_case.contains("fill_mask") && pipeline_->task().name() == "fill-mask";
    const bool labels = one_case.contains("labels") && pipeline_->task().name() == "text-classification";
    if (!masks && !labels) return {};
    std::vector<TextInput> texts = texts_of(one_case);
    if (masks) {
      texts.clear();
      for (const Json& entry : one_case["fill_mask"]) texts.push_back({text_at(entry, "text"), std::nullopt});
    }
    IA_ASSIGN(const std::vector<Json> answers, answer(texts));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const Json expected = masks ? one_case["fill_mask"][i]["top5"] : Json::array({one_case["labels"][i]});
      for (std::size_t k = 0; k < expected.size(); ++k) {
        const bool same = half() || (masks ? answers[i][k]["token"] == expected[k]["id"]
                                           : answers[i][k]["label"] == expected[k]["label"]);
        const double off = std::abs(answers[i][k]["score"].get<double>() - expected[k]["score"].get<double>());
        if (same && off <= (half() ? 0.05 : tolerance)) continue;
        failed(std::format("{}: answer {} for text {} is {}, recorded {}", name, k, i, answers[i][k].dump(),
                           expected[k].dump()));
      }
    }
    return {};
  }

  Result<std::vector<Json>> answer(const std::vector<TextInput>& texts) {
    const PipelineOptions options{.task = std::string(pipeline_->task().name())};
    IA_ASSIGN(const Pipeline pipeline, Pipeline::open(model_.files, model_.tensors.index().table(), options));
    IA_ASSIGN(const auto runner, make_runner(pipeline, model_.tensors, devices_));
    IA_ASSIGN(const Batch batch, pipeline.prepare(texts, {}));
    IA_ASSIGN(const Values values, runner->run(batch));
    const Graph& graph = pipeline.graph();
    return pipeline.finish(batch, values.at(graph.value(graph.outputs.front()).name), {});
  }

  const Devices& devices_;
  GoldenReport& report_;
  Json golden_;
  ModelFolder model_;
  TensorFiles recorded_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<ModelRunner> runner_;
};

}  // namespace

Result<GoldenReport> check_golden(const std::filesystem::path& folder, const Devices& devices) {
  GoldenReport report;
  Checker checker(devices, report);
  IA_TRY(checker.open(folder));
  IA_TRY(checker.check_cases());
  return report;
}

}  // namespace ipfs_accelerate
