// Tests of the files around a model, of plans, and of whole shipped folders opened without weights.
#include "engine/pipeline.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/in_place.h"
#include "engine/batching.h"
#include "engine/pipeline_run.h"
#include "engine/sentence_files.h"
#include "graph/test_symbols.h"
#include "task/text_batch.h"

namespace ipfs_accelerate {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Folder {
  ModelFiles files;
  TensorTable tensors;
};
Folder read_folder(const std::string& name) {
  const auto folder = std::filesystem::path(IA_SOURCE_DIR) / name;
  Folder result;
  for (const std::string& file : wanted_files()) {
    if (std::filesystem::exists(folder / file)) result.files[file] = read_file(folder / file);
  }
  const std::string weights = read_file(folder / "model.safetensors");
  WeightIndex index;
  EXPECT_TRUE(index.add_safetensors(as_bytes(weights), weights.size(), 0));
  result.tensors = index.table();
  return result;
}

TEST(SentenceFiles, PoolingOfModules) {
  const std::string modules = R"([{"type":"sentence_transformers.models.Transformer","path":""},
    {"type":"sentence_transformers.models.Pooling","path":"1_Pooling"},
    {"type":"sentence_transformers.models.Normalize","path":"2_Normalize"}])";
  const auto pooling = [&](std::string_view config) {
    return read_pooling({{"modules.json", modules}, {"1_Pooling/config.json", std::string(config)}});
  };
  EXPECT_EQ(read_pooling({})->mode, PoolMode::kMean);
  EXPECT_FALSE(read_pooling({})->normalize);
  EXPECT_EQ(pooling(R"({"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false})")->mode, PoolMode::kCls);
  EXPECT_EQ(pooling(R"({"pooling_mode_max_tokens":true})")->mode, PoolMode::kMax);
  EXPECT_EQ(pooling(R"({"pooling_mode":"lasttoken"})")->mode, PoolMode::kLastToken);
  EXPECT_TRUE(pooling(R"({"pooling_mode":"mean"})")->normalize);
  const auto malformed = ErrorCode::kMalformedConfig;
  EXPECT_EQ(pooling(R"({"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true})").error().code, malformed);
  EXPECT_EQ(pooling(R"({})").error().code, malformed);
  EXPECT_EQ(pooling(R"({"pooling_mode_cls_token":1})").error().code, malformed);
  EXPECT_EQ(pooling(R"({"pooling_mode":"best"})").error().code, malformed);
  EXPECT_EQ(pooling("[").error().code, malformed);
  EXPECT_EQ(pooling("[]").error().code, malformed);
  EXPECT_EQ(read_pooling({{"modules.json", modules}}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_pooling({{"modules.json", R"([{"type":"sentence_transformers.models.Dense"}])"}}).error().code,
            malformed);
  EXPECT_EQ(read_pooling({{"modules.json", "{}"}}).error().code, malformed);
  EXPECT_EQ(read_pooling({{"modules.json", "[7]"}}).error().code, malformed);
}

TEST(SentenceFiles, TheShortestLengthWins) {
  const auto limit = [](std::string_view tokenizer, std::string_view sentence) {
    return read_max_tokens(
        {{"tokenizer_config.json", std::string(tokenizer)}, {"sentence_bert_config.json", std::string(sentence)}}, 512);
  };
  EXPECT_EQ(limit(R"({"model_max_length":1000000000000000019884624838656})", "{}").value(), 512);
  EXPECT_EQ(limit(R"({"model_max_length":384})", R"({"max_seq_length":256})").value(), 256);
  EXPECT_EQ(limit(R"({"model_max_length":null})", R"({"max_seq_length":null})").value(), 512);
  EXPECT_EQ(limit(R"({"model_max_length":0})", "{}").error().code, ErrorCode::kMalformedConfig);
  EXPECT_EQ(limit(R"({"model_max_length":"8"})", "{}").error().code, ErrorCode::kMalformedConfig);
}

TEST(SentenceFiles, MaskTokenIsTextOrObject) {
  EXPECT_EQ(read_mask_token({{"tokenizer_config.json", R"({"mask_token":"<m>"})"}}).value(), "<m>");
  EXPECT_EQ(read_mask_token({{"special_tokens_map.json", R"({"mask_token":{"content":"<o>"}})"}}).value(), "<o>");
  EXPECT_EQ(read_mask_token({{"tokenizer_config.json", R"({"mask_token":7})"}}).value(), "");
  EXPECT_EQ(read_mask_token({{"tokenizer_config.json", "{"}}).error().code, ErrorCode::kMalformedConfig);
}

TEST(Pipeline, ShippedFoldersOpen) {
  const auto task_of = [](const std::string& folder) {
    const Folder f = read_folder(folder);
    const auto pipeline = Pipeline::open(f.files, f.tensors, {});
    return pipeline ? std::string(pipeline->task().name) : pipeline.error().message;
  };
  EXPECT_EQ(task_of("zoo/numbers-bert"), "feature-extraction");
  EXPECT_EQ(task_of("zoo/numbers-bert-classifier"), "text-classification");
  EXPECT_EQ(task_of("tests/fixtures/bert-mlm"), "fill-mask");
  EXPECT_EQ(task_of("tests/fixtures/mpnet"), "feature-extraction");
  EXPECT_EQ(task_of("tests/fixtures/gpt2"), "text-generation");
}

TEST(Pipeline, PreparesInTheGraphsOrder) {
  const Folder f = read_folder("zoo/numbers-bert");
  const auto pipeline = Pipeline::open(f.files, f.tensors, {});
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  EXPECT_EQ(pipeline->facts().max_tokens, 32);
  const auto encodings = encode_texts(pipeline->facts(), *pipeline->tokenizer(), {Text{"forty two"}}, {});
  ASSERT_TRUE(encodings) << encodings.error().message;
  const auto batch = fit_batch(pipeline->graph(), encoded_batch(pipeline->facts(), *encodings).value());
  ASSERT_TRUE(batch) << batch.error().message;
  const Graph graph = present(pipeline->graph(), batch->shape).value();
  ASSERT_EQ(batch->inputs.size(), graph.inputs.size());
  for (std::size_t i = 0; i < batch->inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    EXPECT_EQ(batch->inputs[i].first, value.name);
    EXPECT_EQ(batch->inputs[i].second.shape, graph.bind(value.dims, batch->shape));
  }
}

TEST(Pipeline, TheShapeATaskAsksFor) {
  const Folder f = read_folder("tests/fixtures/bert-mlm");
  const auto pipeline = Pipeline::open(f.files, f.tensors, {});
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  const auto shape = run_in_place(asked_shape(*pipeline, {Text{"[MASK] [MASK]"}, Text{"a [MASK]"}}, {}));
  ASSERT_TRUE(shape) << shape.error().message;
  EXPECT_EQ(shape->at(kBatch), 2);
  EXPECT_EQ(shape->at(kRows), 3);
  EXPECT_TRUE(shape->absent().contains("token_type_ids"));  // all would be 0
  const auto pair = run_in_place(asked_shape(*pipeline, {TextPair{"[MASK]", "a"}}, {}));
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_TRUE(pair->absent().empty());
  const auto refused = run_in_place(asked_shape(*pipeline, {Text{"[MASK]"}, Picture{}}, {}));
  EXPECT_EQ(refused.error().message, "fill-mask takes text, pair; input 1 is an image");
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

TEST(Pipeline, AFamilySaysWhichFilesItReads) {
  using Names = std::vector<std::string>;
  const auto wanted = [](const char* model) {
    return wanted_files(file_kinds_of_config(read_folder(model).files.at("config.json")).value());
  };
  EXPECT_EQ(wanted("zoo/digits-vit"), (Names{"config.json", "preprocessor_config.json"}));
  EXPECT_FALSE(std::ranges::contains(wanted("zoo/numbers-bert"), "preprocessor_config.json"));
  EXPECT_TRUE(std::ranges::contains(wanted("zoo/numbers-bert"), "tokenizer.json"));
  EXPECT_TRUE(std::ranges::contains(wanted("zoo/numbers-gpt2"), "generation_config.json"));
  EXPECT_EQ(file_kinds_of_config(R"({"model_type": "abacus"})").error().code, ErrorCode::kUnknownArchitecture);
}

TEST(Pipeline, TasksOnWhatTheModelDoesNotTake) {
  const Folder text = read_folder("zoo/numbers-bert-classifier");
  Folder vit = read_folder("zoo/digits-vit");
  vit.files["tokenizer.json"] = text.files.at("tokenizer.json");
  for (const char* task : {"feature-extraction", "text-classification", "fill-mask"}) {
    const auto refused = Pipeline::open(vit.files, vit.tensors, {.task = task});
    ASSERT_FALSE(refused) << task;
    EXPECT_EQ(refused.error().code, ErrorCode::kUnknownTask) << refused.error().message;
  }
  EXPECT_EQ(Pipeline::open(vit.files, vit.tensors, {.task = "feature-extraction"}).error().message,
            "feature-extraction takes text, pair; models of type 'vit' take images");
  EXPECT_EQ(Pipeline::open(text.files, text.tensors, {.task = "image-classification"}).error().message,
            "image-classification takes image, pixels; models of type 'bert' take none");
}

TEST(Pipeline, TheShapePicturesAskFor) {
  Folder f = read_folder("zoo/digits-vit");
  const auto pipeline = Pipeline::open(f.files, f.tensors, {});
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  EXPECT_EQ(pipeline->task().name, "image-classification");
  const std::string file = read_file(std::filesystem::path(IA_SOURCE_DIR) / "zoo/digits-vit/eval/000.png");
  const Picture picture{{file.begin(), file.end()}};
  const auto shape = run_in_place(asked_shape(*pipeline, {picture, picture, Pixels{1, 1, {1, 2, 3}}}, {}));
  ASSERT_TRUE(shape) << shape.error().message;
  EXPECT_EQ(*shape, (ShapeClass{{kBatch, 3}, {kHeight, 32}, {kWidth, 32}}));
  EXPECT_EQ(run_in_place(asked_shape(*pipeline, {Picture{{1, 2}}}, {})).error().code, ErrorCode::kUnsupportedMedia);
  f.files.erase("preprocessor_config.json");
  const auto silent = Pipeline::open(f.files, f.tensors, {});
  ASSERT_TRUE(silent) << silent.error().message;
  EXPECT_EQ(run_in_place(asked_shape(*silent, {picture}, {})).error().code, ErrorCode::kNotFound);
  f.files["preprocessor_config.json"] = "{";
  EXPECT_EQ(Pipeline::open(f.files, f.tensors, {}).error().code, ErrorCode::kMalformedConfig);
}

TEST(Pipeline, MissingFilesAreNamed) {
  Folder f = read_folder("zoo/numbers-bert");
  ModelFiles without = f.files;
  without.erase("tokenizer.json");
  const auto silent = Pipeline::open(without, f.tensors, {});
  ASSERT_TRUE(silent);
  EXPECT_EQ(run_in_place(asked_shape(*silent, {Text{"one"}}, {})).error().code, ErrorCode::kMissingTokenizer);
  EXPECT_EQ(Pipeline::open({}, f.tensors, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Pipeline::open(f.files, {}, {}).error().code, ErrorCode::kMissingWeight);
  EXPECT_EQ(Pipeline::open(f.files, f.tensors, {.task = "fly"}).error().code, ErrorCode::kUnknownTask);
  f.files["config.json"] = R"({"model_type":"nobody"})";
  EXPECT_EQ(Pipeline::open(f.files, f.tensors, {}).error().code, ErrorCode::kUnknownArchitecture);
}

TEST(Plan, DeclinedNodesGoToTheCpu) {
  const Folder f = read_folder("zoo/numbers-bert");
  const auto pipeline = Pipeline::open(f.files, f.tensors, {});
  ASSERT_TRUE(pipeline);
  const Graph& graph = pipeline->graph();
  const Plan plan = make_plan(pipeline->parts(), "webgpu", [](const Graph&, const Node& node) {
    return std::string(op_name(node.op) == "attention" ? "no attention here" : "");
  });
  ASSERT_EQ(plan.segments.size(), 7u);  // three layers
  EXPECT_EQ(plan.segments[1].platform, "cpu");
  EXPECT_EQ(plan.segments[1].reason, "no attention here");
  EXPECT_EQ(plan.segments[0].reason, "");
  std::size_t nodes = 0;
  std::vector<std::string> known;
  for (ValueId id : graph.inputs) known.push_back(graph.value(id).name);
  for (const Segment& segment : plan.segments) {
    nodes += segment.graph->nodes.size();
    for (ValueId id : segment.graph->inputs) EXPECT_TRUE(std::ranges::contains(known, segment.graph->value(id).name));
    for (ValueId id : segment.graph->outputs) known.push_back(segment.graph->value(id).name);
  }
  EXPECT_EQ(nodes, graph.nodes.size());
  EXPECT_EQ(plan.segments.back().graph->outputs, graph.outputs);
  const Plan cpu =
      make_plan(pipeline->parts(), "cpu", [](const Graph&, const Node&) { return std::string("never asked"); });
  EXPECT_EQ(cpu.segments.size(), 1u);
}

TEST(Plan, PartsWithStatesAreNotSplit) {
  const Folder f = read_folder("tests/fixtures/t5");
  const auto pipeline = Pipeline::open(f.files, f.tensors, {});
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  const Plan plan = make_plan(pipeline->parts(), "webnn", [](const Graph&, const Node& node) {
    return std::string(written_state(node.op) ? "nothing is kept" : "");
  });
  ASSERT_EQ(plan.segments.size(), 3u);  // the encoder writes states, the decoder too, and so does what copies pages
  for (const Segment& segment : plan.segments) {
    EXPECT_EQ(segment.platform, "cpu");
    EXPECT_EQ(segment.reason, "nothing is kept");
  }
  EXPECT_EQ(plan.on("webnn"), nullptr);
  const auto all = plan.on("cpu");
  EXPECT_EQ(all->nodes.size(), plan.segments[0].graph->nodes.size() + plan.segments[1].graph->nodes.size() +
                                   plan.segments[2].graph->nodes.size());
}

TEST(Pipeline, ExplainsWithoutWeights) {
  const Folder f = read_folder("zoo/numbers-bert");
  const auto pipeline = Pipeline::open(f.files, f.tensors, {});
  ASSERT_TRUE(pipeline);
  const Plan plan = make_plan(pipeline->parts(), "webgpu", [](const Graph&, const Node&) { return std::string(); });
  const ShapeClass shape = usual_shape(2, 16);
  const auto explained = pipeline->explain(plan, shape, f.tensors, {.weights = 307, .states = 5, .activations = 42});
  ASSERT_TRUE(explained) << explained.error().message;
  const nlohmann::json& report = *explained;
  EXPECT_EQ(report["architecture"], "bert");
  EXPECT_EQ(report["segments"][0]["nodes"].size(), pipeline->graph().nodes.size());
  EXPECT_EQ(report["inputs"][0]["shape"], nlohmann::json({2, 16}));
  EXPECT_GT(report["weights"][0]["bytes"].get<std::int64_t>(), 0);
  EXPECT_EQ(report["weight_bytes"], 307);  // what the backends say
  EXPECT_EQ(report["state_bytes"], 5);
  EXPECT_EQ(report["activation_bytes"], 42);
  EXPECT_EQ(report["absent"], nlohmann::json::array());
}

TEST(Pipeline, ExplainsWhatIsLeftOut) {
  const Folder f = read_folder("zoo/numbers-bert");
  const auto pipeline = Pipeline::open(f.files, f.tensors, {});
  ASSERT_TRUE(pipeline);
  const Plan plan = make_plan(pipeline->parts(), "webgpu", [](const Graph&, const Node&) { return std::string(); });
  const auto report_of = [&](const ShapeClass& shape) { return pipeline->explain(plan, shape, f.tensors, {}); };
  ShapeClass shape = usual_shape(2, 16);
  const std::size_t all = report_of(shape).value()["inputs"].size();
  shape.leave_out("token_type_ids");
  const auto report = report_of(shape);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ((*report)["absent"], nlohmann::json::array({"token_type_ids"}));
  EXPECT_EQ((*report)["inputs"].size(), all - 1);
  for (const auto& input : (*report)["inputs"]) EXPECT_NE(input["name"], "token_type_ids");
  shape.leave_out("input_ids");
  EXPECT_EQ(report_of(shape).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace ipfs_accelerate
