// What adapters say, and what is made of it.
#include "backend/webgpu/adapter.h"

#include <gtest/gtest.h>

namespace ipfs_accelerate::webgpu {
namespace {

TEST(Adapter, SoftwareByItsName) {
  for (const char* name : {"google swiftshader", "llvmpipe (LLVM 21.1.0, 256 bits)", "Mesa Lavapipe", "softpipe",
                           "Microsoft Basic Render Driver", "WARP", "Microsoft (WARP)"}) {
    EXPECT_TRUE(names_software(name)) << name;
  }
  for (const char* name : {"NVIDIA H200", "intel gen-12lp", "apple metal-3", "warped graphics", "timewarp", ""}) {
    EXPECT_FALSE(names_software(name)) << name;
  }
}

TEST(Adapter, Described) {
  const AdapterFacts facts{.vendor = "nvidia",
                           .architecture = "hopper",
                           .device = "0x2335",
                           .description = "NVIDIA H200",
                           .features = {"timestamp-query", "subgroups", "core-features-and-limits", "shader-f16"},
                           .limits = {{"maxBufferSize", 1 << 30}, {"maxBindGroups", 4}},
                           .subgroup_min_size = 16,
                           .subgroup_max_size = 32};
  const DeviceInfo info = describe(facts);
  EXPECT_EQ(info.platform, "webgpu");
  EXPECT_EQ(info.name, "nvidia hopper NVIDIA H200");
  EXPECT_EQ(info.driver, "NVIDIA H200");
  EXPECT_TRUE(info.is_real_hardware);
  EXPECT_EQ(info.features, (std::vector<std::string>{"shader-f16", "subgroups", "core-features-and-limits",
                                                     "timestamp-query"}));  // what the engine uses first
  using Limits = std::vector<std::pair<std::string, std::int64_t>>;         // those that matter to us
  EXPECT_EQ(info.limits, (Limits{{"maxBufferSize", 1 << 30}, {"subgroupMinSize", 16}, {"subgroupMaxSize", 32}}));
}

TEST(Adapter, SoftwareWhereTheBrowserSaysSo) {
  EXPECT_FALSE(describe({.vendor = "acme", .is_fallback = true}).is_real_hardware);
  EXPECT_FALSE(describe({.vendor = "google", .architecture = "swiftshader"}).is_real_hardware);
  EXPECT_EQ(describe({.vendor = "google", .description = "google"}).name, "google");
  EXPECT_EQ(describe({}).name, "a GPU that the browser does not name");
  EXPECT_EQ(describe({.is_fallback = true}).name, "a software adapter that the browser does not name");
}

TEST(Adapter, CapabilitiesOfADevice) {
  const Capabilities guaranteed;
  const Capabilities c = capabilities_of({.features = {"subgroups"},
                                          .limits = {{"maxComputeWorkgroupStorageSize", 32768}},
                                          .subgroup_min_size = 4,
                                          .subgroup_max_size = 8});
  EXPECT_FALSE(c.shader_f16);
  EXPECT_TRUE(c.subgroups);
  EXPECT_EQ(c.subgroup_min_size, 4);
  EXPECT_EQ(c.subgroup_max_size, 8);
  EXPECT_EQ(c.max_workgroup_storage, 32768);
  EXPECT_EQ(c.max_buffer, guaranteed.max_buffer);
}

}  // namespace
}  // namespace ipfs_accelerate::webgpu
