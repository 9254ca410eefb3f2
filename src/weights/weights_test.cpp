// Tests of safetensors headers: good ones, and every way to lie in one.
#include "weights/weights.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace ipfs_accelerate {
namespace {

/// A file's first bytes: length, then the JSON.
Bytes header_bytes(std::string_view json) {
  Bytes bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(json.size() >> (8 * i)));
  bytes.insert(bytes.end(), json.begin(), json.end());
  return bytes;
}

ErrorCode add(std::string_view json, std::uint64_t data_bytes) {
  const Bytes header = header_bytes(json);
  auto result = WeightIndex().add_safetensors(header, header.size() + data_bytes, 0);
  return result ? ErrorCode{} : result.error().code;
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Safetensors, ReadsATable) {
  const Bytes header = header_bytes(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},)"
      R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"scalar":{"dtype":"I64","shape":[],"data_offsets":[20,28]},)"
      R"("none":{"dtype":"F32","shape":[0,7],"data_offsets":[8,8]}}   )");
  WeightIndex index;
  ASSERT_TRUE(index.add_safetensors(header, header.size() + 28, 3));
  ASSERT_EQ(index.tensors().size(), 4u);
  const TensorLocation& b = index.tensors().at("b");
  EXPECT_EQ(b.info.dtype, Dtype::kF16);
  EXPECT_EQ(b.info.shape, (Shape{2, 3}));
  EXPECT_EQ(b.begin, header.size() + 8);
  EXPECT_EQ(b.end, header.size() + 20);
  EXPECT_EQ(b.file, 3u);
  EXPECT_EQ(index.table().at("scalar").shape, Shape{});
}

TEST(Safetensors, RefusesLies) {
  const auto malformed = ErrorCode::kMalformedWeights;
  auto one = [](std::string_view entry) { return std::string(R"({"w":)") + std::string(entry) + "}"; };
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), 8), ErrorCode{});
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), 7), malformed);   // past the end
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), 8), malformed);   // backwards
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"), 8), malformed);   // wrong length
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"), 8), malformed);  // negative
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"), 8), malformed);
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})"), 8), malformed);
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]})"), 8), malformed);
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]})"), 8),
            malformed);
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":"2","data_offsets":[0,8]})"), 8), malformed);
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), 8), malformed);
  EXPECT_EQ(add(one(R"({"dtype":"F32","shape":[2]})"), 8), malformed);
  EXPECT_EQ(add(one(R"({"dtype":7,"shape":[2],"data_offsets":[0,8]})"), 8), malformed);
  EXPECT_EQ(add(one(R"({"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]})"), 8), ErrorCode::kUnsupportedDtype);
  EXPECT_EQ(add(one("[]"), 8), malformed);
  EXPECT_EQ(add("[]", 8), malformed);
  EXPECT_EQ(add("{", 8), malformed);
  EXPECT_EQ(add("", 8), malformed);
  EXPECT_EQ(
      add(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
          16),
      malformed);  // the same name twice
  EXPECT_EQ(
      add(R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
          16),
      malformed);  // overlap
}

TEST(Safetensors, RefusesLyingHeaderLengths) {
  EXPECT_EQ(WeightIndex::safetensors_header_bytes(Bytes(7)).error().code, ErrorCode::kMalformedWeights);
  EXPECT_EQ(WeightIndex::safetensors_header_bytes(Bytes(8, 0xff)).error().code, ErrorCode::kLimitExceeded);
  Bytes header = header_bytes("{}");
  EXPECT_EQ(WeightIndex::safetensors_header_bytes(header).value(), header.size());
  header[0] = 200;
  EXPECT_EQ(WeightIndex().add_safetensors(header, 1000, 0).error().code, ErrorCode::kMalformedWeights);
  EXPECT_EQ(WeightIndex().add_safetensors(header, header.size(), 0).error().code, ErrorCode::kMalformedWeights);
}

TEST(Safetensors, AFailedFileLeavesNothingBehind) {
  const Bytes good = header_bytes(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})");
  const Bytes bad = header_bytes(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})");
  WeightIndex index;
  ASSERT_TRUE(index.add_safetensors(good, good.size() + 8, 0));
  EXPECT_EQ(index.add_safetensors(bad, bad.size() + 16, 1).error().code, ErrorCode::kMalformedWeights);
  EXPECT_EQ(index.tensors().size(), 1u);
}

TEST(Safetensors, FixtureSurvivesTruncationAndBitFlips) {
  const Bytes file = read_file(std::filesystem::path(IA_SOURCE_DIR) / "tests/fixtures/bert-mlm/model.safetensors");
  ASSERT_GT(file.size(), 1000u);
  WeightIndex index;
  ASSERT_TRUE(index.add_safetensors(file, file.size(), 0));
  EXPECT_EQ(index.tensors().at("bert.embeddings.word_embeddings.weight").info.shape, (Shape{430, 32}));
  const std::uint64_t header = WeightIndex::safetensors_header_bytes(file).value();
  for (std::uint64_t size = 0; size < header; size += 7) {
    EXPECT_FALSE(WeightIndex().add_safetensors(ByteView(file).first(size), size, 0)) << size;
  }
  EXPECT_FALSE(WeightIndex().add_safetensors(file, file.size() - 1, 0));
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    Bytes flipped(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(header));
    flipped[random() % header] ^= static_cast<std::uint8_t>(1u << random() % 8);
    WeightIndex flips;
    if (!flips.add_safetensors(flipped, file.size(), 0)) continue;
    for (const auto& [name, tensor] : flips.tensors()) {
      EXPECT_LE(tensor.begin, tensor.end);
      EXPECT_LE(tensor.end, file.size());
    }
  }
}

TEST(Sharded, NamesFilesOnceInOrder) {
  auto names = sharded_file_names(
      R"({"weight_map":{"z":"model-1.safetensors","a":"model-2.safetensors","m":"model-1.safetensors"}})");
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, (std::vector<std::string>{"model-1.safetensors", "model-2.safetensors"}));
}

TEST(Sharded, RefusesWhatLeavesTheFolder) {
  for (std::string_view json :
       {R"({"weight_map":{"a":"../x.safetensors"}})", R"({"weight_map":{"a":"/etc/x.safetensors"}})",
        R"({"weight_map":{"a":"x.bin"}})", R"({"weight_map":{"a":7}})", R"({"weight_map":{}})", R"({"weight_map":[]})",
        R"({})", R"([)", R"({"weight_map":{"a":"..\\x.safetensors"}})"}) {
    auto names = sharded_file_names(json);
    ASSERT_FALSE(names) << json;
    EXPECT_EQ(names.error().code, ErrorCode::kMalformedWeights);
  }
}

}  // namespace
}  // namespace ipfs_accelerate
