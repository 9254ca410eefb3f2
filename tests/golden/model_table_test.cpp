// Walks every tensor and every key of the recorded models: without it, or with a wrong one, the model must not build.
#include <gtest/gtest.h>

#include "golden/model_folder.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

class ModelTable : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto folder = read_model_folder(std::filesystem::path(IA_SOURCE_DIR) / "tests/fixtures" / GetParam());
    ASSERT_TRUE(folder) << folder.error().message;
    files_ = folder->files;
    table_ = folder->tensors.index().table();
    auto pipeline = Pipeline::open(files_, table_, {});
    ASSERT_TRUE(pipeline) << pipeline.error().message;
    std::vector<const Graph*> parts;
    for (const Part& part : pipeline->parts()) parts.push_back(&part.graph);
    graph_ = join(parts);
  }
  Error error_with(const TensorTable& table) const {
    auto pipeline = Pipeline::open(files_, table, {});
    return pipeline ? Error{ErrorCode{}, "it opened"} : pipeline.error();
  }
  ModelFiles files_;
  TensorTable table_;
  Graph graph_;
};

TEST_P(ModelTable, EveryTensorIsNeededInItsShapeAndDtype) {
  for (WeightId id : used_weights(graph_)) {
    for (const std::string& part : graph_.weight(id).parts) {
      TensorTable table = table_;
      table[part].shape.push_back(1);
      const Error shape = error_with(table);
      EXPECT_EQ(shape.code, ErrorCode::kWrongShape) << part << ": " << shape.message;
      EXPECT_NE(shape.message.find(part), std::string::npos) << shape.message;
      table = table_;
      table[part].dtype = Dtype::kI32;
      EXPECT_EQ(error_with(table).code, ErrorCode::kUnsupportedDtype) << part;
      table = table_;
      table.erase(part);
      // Without its classifier a model may fail for its labels first; always it fails for the missing tensor.
      EXPECT_EQ(error_with(table).code, ErrorCode::kMissingWeight) << part;
    }
  }
}

TEST_P(ModelTable, NoKeyOfTheConfigurationCanBreakIt) {
  const Json config = Json::parse(files_["config.json"]);
  const std::vector<Json> hostile{nullptr,
                                  true,
                                  -1,
                                  0,
                                  1,
                                  3,
                                  1e300,
                                  INT64_MAX,
                                  "text",
                                  Json::array(),
                                  Json::object(),
                                  Json::array({Json::array()}),
                                  Json{{"0", 1}}};
  for (const auto& [key, value] : config.items()) {
    for (const Json& other : hostile) {
      Json changed = config;
      changed[key] = other;
      ModelFiles files = files_;
      files["config.json"] = changed.dump();
      const auto pipeline = Pipeline::open(files, table_, {});  // opens, or says why not
      if (!pipeline) {
        EXPECT_NE(pipeline.error().code, ErrorCode::kInternal) << key << " " << other << pipeline.error().message;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ModelTable,
                         ::testing::Values("bert-mlm", "bert-seqcls", "distilbert", "roberta", "mpnet", "gpt2",
                                           "llama-tied", "t5", "vit"));

}  // namespace
}  // namespace ipfs_accelerate
