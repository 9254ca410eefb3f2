// Tests of reading a model folder: what is missing or damaged gets its own error, and NaN never passes.
#include "engine/model_source.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>

namespace ipfs_accelerate {
namespace {

/// A file in memory. Tests only: real ones come from the store and are verified.
class MemoryFile : public ByteSource {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<ByteView> view(std::uint64_t offset, std::uint64_t length) override {
    if (offset > bytes_.size() || length > bytes_.size() - offset)
      return fail(ErrorCode::kLimitExceeded, "past the end");
    return as_bytes(bytes_).subspan(offset, length);
  }

 private:
  std::string bytes_;
};

std::string safetensors(const std::string& header, const std::string& body) {
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  return file + header + body;
}

std::string floats(std::initializer_list<float> values) {
  std::string bytes;
  for (const float value : values) bytes.append(reinterpret_cast<const char*>(&value), 4);
  return bytes;
}

using Folder = std::map<std::string, std::string>;
Result<ModelSource> open(const Folder& folder) {
  return open_model_source([&](const std::string& path) -> Result<std::shared_ptr<ByteSource>> {
    const auto found = folder.find(path);
    if (found == folder.end()) return fail(ErrorCode::kNotFound, "no {}", path);
    return std::make_shared<MemoryFile>(found->second);
  });
}

const std::string kHeader = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

TEST(ModelSource, ReadsFilesAndTensors) {
  auto source = open({{"config.json", "{}"}, {"model.safetensors", safetensors(kHeader, floats({1, 2}))}});
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(source->files.at("config.json"), "{}");
  const auto part = source->part("w");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->shape, (Shape{2}));
  EXPECT_EQ(part->bytes.size(), 8u);
  EXPECT_EQ(source->part("absent").error().code, ErrorCode::kMissingWeight);
}

TEST(ModelSource, SaysWhatIsMissing) {
  EXPECT_EQ(open({}).error().code, ErrorCode::kNotFound);
  const auto no_weights = open({{"config.json", "{}"}});
  ASSERT_FALSE(no_weights);
  EXPECT_EQ(no_weights.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(no_weights.error().message.contains("model.safetensors"));
  const std::string index = R"({"weight_map":{"w":"model-00001-of-00001.safetensors"}})";
  EXPECT_EQ(open({{"config.json", "{}"}, {"model.safetensors.index.json", index}}).error().code, ErrorCode::kNotFound);
}

TEST(ModelSource, ReadsShards) {
  const std::string index = R"({"weight_map":{"w":"a.safetensors","v":"b.safetensors"}})";
  const std::string other = R"({"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  auto source = open({{"config.json", "{}"},
                      {"model.safetensors.index.json", index},
                      {"a.safetensors", safetensors(kHeader, floats({1, 2}))},
                      {"b.safetensors", safetensors(other, floats({3}))}});
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_TRUE(source->part("w"));
  EXPECT_TRUE(source->part("v"));
}

TEST(ModelSource, TruncatedHeadersAreErrors) {
  const std::string whole = safetensors(kHeader, floats({1, 2}));
  for (const std::size_t length : {0uz, 7uz, 8uz, 20uz, whole.size() - 1}) {
    const auto source = open({{"config.json", "{}"}, {"model.safetensors", whole.substr(0, length)}});
    ASSERT_FALSE(source) << length;
    EXPECT_EQ(source.error().code, ErrorCode::kMalformedWeights) << length;
  }
}

TEST(ModelSource, NanAndInfinityNeverPass) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    auto source = open({{"config.json", "{}"}, {"model.safetensors", safetensors(kHeader, floats({1, bad}))}});
    ASSERT_TRUE(source);
    const auto part = source->part("w");
    ASSERT_FALSE(part);
    EXPECT_EQ(part.error().code, ErrorCode::kNotFinite);
  }
}

}  // namespace
}  // namespace ipfs_accelerate
