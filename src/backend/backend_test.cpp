// What backends share: weights packed for devices, tensors checked, quirks by name.
#include <gtest/gtest.h>

#include <cstring>

#include "backend/check_tensors.h"
#include "backend/pack_weight.h"
#include "backend/quirks.h"
#include "graph/test_symbols.h"

namespace ipfs_accelerate {
namespace {

TEST(PackWeight, JoinsPartsAndConverts) {
  const Weight weight{.name = "w", .parts = {"a", "b"}, .shape = {2, 3}};
  const float first[] = {1, 2, 3};
  const std::uint16_t second[] = {0x3F80, 0x4000, 0xBF80};  // bf16: 1, 2, -1
  const WeightPart parts[] = {{Dtype::kF32, {1, 3}, {reinterpret_cast<const std::uint8_t*>(first), 12}},
                              {Dtype::kBF16, {1, 3}, {reinterpret_cast<const std::uint8_t*>(second), 6}}};
  const auto packed = pack_weight(weight, parts, Dtype::kF16, 16);
  ASSERT_TRUE(packed) << packed.error().message;
  std::uint16_t bits[8];
  ASSERT_EQ(packed->size(), sizeof bits);
  std::memcpy(bits, packed->data(), sizeof bits);
  const float expected[] = {1, 2, 3, 1, 2, -1, 0, 0};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(f16_to_f32(bits[i]), expected[i]);
  EXPECT_FALSE(pack_weight(weight, {parts, 1}, Dtype::kF16, 16));  // too few elements
  const WeightPart twice[] = {parts[0], parts[0], parts[0]};
  EXPECT_FALSE(pack_weight(weight, twice, Dtype::kF16, 16));
  const Bytes zeros(24);
  const WeightPart whole[] = {{Dtype::kI32, {2, 3}, zeros}};
  EXPECT_FALSE(pack_weight(weight, whole, Dtype::kF16, 16));
}

TEST(CheckTensors, NamesWhatDoesNotFit) {
  TestBuilder b;
  const ValueId x = b.input("x", Dtype::kF32, {kBatchDim, kSequenceDim, dim(4)});
  b.output(b.add("y", op::Linear{.x = x, .weight = b.weight("w", {2, 4})}), "out");
  const Graph graph = *b.finish();
  Bytes in(2 * 3 * 4 * 4), out(2 * 3 * 2 * 4);
  const ShapeClass shape = usual_shape(2, 3);
  const TensorRef input{Dtype::kF32, in}, ints{Dtype::kI32, in}, brief{Dtype::kF32, ByteView(in).first(4)};
  const MutableTensorRef output{Dtype::kF32, out};
  EXPECT_TRUE(check_tensors(graph, shape, {&input, 1}, {&output, 1}));
  EXPECT_FALSE(check_tensors(graph, shape, {}, {&output, 1}));
  EXPECT_FALSE(check_tensors(graph, shape, {&ints, 1}, {&output, 1}));
  const auto wrong = check_tensors(graph, shape, {&brief, 1}, {&output, 1});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(wrong.error().message, "input 'x' has 4 bytes of F32; F32 [2, 3, 4] takes 96 bytes");
}

TEST(Quirks, ABrowsersRowIsForThatBrowserAlone) {
  Quirks quirks(R"({"quirks": [{"name": "slow_maps", "where": {"platform": "webgpu", "browser": "firefox"}}]})");
  DeviceInfo device;
  device.platform = "webgpu";
  for (const char* browser : {"", "chrome", "firefox"}) {
    device.browser = browser;
    const bool its_own = device.browser == "firefox";
    EXPECT_EQ(quirks.in_force("slow_maps", device), its_own) << browser;
    for (const bool on : {true, false}) {
      quirks.force("slow_maps", on);
      EXPECT_EQ(quirks.in_force("slow_maps", device), on) << browser;
    }
    quirks.force("slow_maps", std::nullopt);
    EXPECT_EQ(quirks.in_force("slow_maps", device), its_own) << browser;
  }
  device.platform = "webnn";
  EXPECT_FALSE(quirks.in_force("slow_maps", device));
}

TEST(Quirks, RowsApplyWhereTheySayAndCanBeForced) {
  DeviceInfo real;
  real.is_real_hardware = true;
  EXPECT_TRUE(quirk("poll_for_results", real));
  EXPECT_FALSE(quirk("poll_for_results", DeviceInfo{}));
  EXPECT_TRUE(quirk("refuse_null_backend"));
  EXPECT_FALSE(quirk("no_such_row"));
  ASSERT_FALSE(quirk_names().empty());
  for (const std::string& name : quirk_names()) {
    const bool by_itself = quirk(name, real);
    {
      const ForcedQuirk on(name, true);
      EXPECT_TRUE(quirk(name)) << name;
    }
    {
      const ForcedQuirk off(name, false);
      EXPECT_FALSE(quirk(name, real)) << name;
    }
    EXPECT_EQ(quirk(name, real), by_itself) << name;
  }
}

}  // namespace
}  // namespace ipfs_accelerate
