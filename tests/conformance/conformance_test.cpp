// Every op on every backend of this machine, one test each.
#include "conformance/conformance.h"

#include <gtest/gtest.h>

#include <map>

#include "backend/cpu/cpu.h"
#include "backend/cpu/program.h"
#include "backend/webgpu/gpu_backend.h"
#include "host/native/compute.h"
#include "host/native/dawn_gpu.h"

namespace ipfs_accelerate {
namespace {

/// Never destroyed: at exit the GPU driver may be gone before it.
struct Machine {
  host::Loop loop;
  host::NativeCompute compute{loop};
  host::DawnGpu gpu{loop};
};
Machine& machine() {
  static Machine& kept = *new Machine;
  return kept;
}

/// Opens a backend by its test name; asked for once per name.
Result<std::unique_ptr<Backend>> open_backend(const std::string& name) {
  if (name == "webgpu") {
    static const auto reference = cpu::make_backend(machine().compute);
    return machine().loop.block_on(webgpu::make_backend(machine().gpu, *reference, &machine().compute, Stop()));
  }
  if (name == "cpu") return cpu::make_backend(machine().compute);
  if (name == "cpu_4_threads") return cpu::make_backend(machine().compute, 4);
  for (const cpu::Kernels* kernels : cpu::all_kernels()) {
    if (name == std::string("cpu_") + kernels->simd) return cpu::make_backend_with(*kernels, machine().compute, 1);
  }
  return fail(ErrorCode::kUnknownPlatform, "no backend {}", name);
}

std::vector<std::string> backend_names() {
  std::vector<std::string> names{"cpu", "cpu_4_threads"};
  for (const cpu::Kernels* kernels : cpu::all_kernels()) names.push_back(std::string("cpu_") + kernels->simd);
  names.emplace_back("webgpu");
  return names;
}

const std::vector<ConformanceCase>& all_cases() {
  static const auto cases = conformance_cases();
  return cases;
}

class Conformance : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(Conformance, MatchesReference) {
  const auto& [backend_name, op] = GetParam();
  static auto& backends = *new std::map<std::string, Result<std::unique_ptr<Backend>>>;
  if (!backends.contains(backend_name)) backends.emplace(backend_name, open_backend(backend_name));
  auto& backend = backends.at(backend_name);
  ASSERT_TRUE(backend) << backend.error().message;  // no adapter is a failure: the environment brings one
  int ran = 0, declined = 0;
  for (const ConformanceCase& one : all_cases()) {
    if (one.op != op) continue;
    const Result<Outcome> checked = machine().loop.block_on(check_conformance(one, **backend));
    ASSERT_TRUE(checked) << checked.error().message;
    const Outcome& outcome = *checked;
    ++(outcome.declined.empty() ? ran : declined);
    EXPECT_TRUE(outcome.wrong.empty()) << backend_name << ": " << outcome.wrong;
    // The CPU is where declined nodes go, so it takes everything.
    if (backend_name.starts_with("cpu")) EXPECT_TRUE(outcome.declined.empty()) << outcome.declined;
  }
  RecordProperty("ran", ran);
  RecordProperty("declined", declined);
  EXPECT_GT(ran, declined) << "most cases must run";
}

INSTANTIATE_TEST_SUITE_P(All, Conformance,
                         testing::Combine(testing::ValuesIn(backend_names()), testing::ValuesIn(conformance_ops())),
                         [](const auto& info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param); });

/// Ops small enough that their f16 shaders compile at once on a software adapter; their cases keep values in f16.
class Half : public testing::TestWithParam<std::string> {};

TEST_P(Half, MatchesReference) {
  const auto backend =
      machine().loop.block_on(webgpu::GpuBackend::open_unchecked(machine().gpu, &machine().compute, Stop()));
  ASSERT_TRUE(backend) << backend.error().message;
  if (!(*backend)->capabilities().shader_f16) GTEST_SKIP() << "the adapter has no shader-f16";
  constexpr double kHalfScale = 100;  // 2e-3: an f16 has 11 bits
  for (const ConformanceCase& one : all_cases()) {
    if (one.op != GetParam()) continue;
    const auto checked = machine().loop.block_on(check_conformance(one, **backend, {.precision = 16}, kHalfScale));
    ASSERT_TRUE(checked) << checked.error().message;
    EXPECT_TRUE(checked->declined.empty()) << checked->declined;
    EXPECT_TRUE(checked->wrong.empty()) << checked->wrong;
  }
}

/// The CPU keeps nothing but states in f16.
TEST(HalfStates, IsEnoughForStatesOnTheCpu) {
  const auto backend = open_backend("cpu");
  ASSERT_TRUE(backend) << backend.error().message;
  for (const ConformanceCase& one : all_cases()) {
    if (one.op != "append") continue;
    const auto checked = machine().loop.block_on(check_conformance(one, **backend, {.precision = 16}, 100));
    ASSERT_TRUE(checked) << checked.error().message;
    EXPECT_TRUE(checked->wrong.empty()) << checked->wrong;
  }
}

INSTANTIATE_TEST_SUITE_P(WebGpu, Half,
                         testing::Values("scale", "soft_cap", "rms_norm", "gate", "arg_max", "distance_bias", "append",
                                         "rope"));

}  // namespace
}  // namespace ipfs_accelerate
