// Compiles the kernels once per SIMD level and picks a level at run time.
#include "backend/cpu/kernels.h"

// Levels that add nothing to f32 arithmetic over their neighbours are left out.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_AVX10_2 | HWY_ALL_SVE | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels.cpp"
// clang-format off
#include "hwy/foreach_target.h"  // must come first
#include "hwy/highway.h"
// clang-format on

#include "backend/cpu/attention-inl.h"
#include "backend/cpu/gemm-inl.h"
#include "backend/cpu/math-inl.h"
#include "backend/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ipfs_accelerate::cpu {
namespace HWY_NAMESPACE {

const char* simd_name() {
#if HWY_TARGET == HWY_AVX3
  return "avx512";
#elif HWY_TARGET == HWY_AVX2
  return "avx2";
#elif HWY_TARGET == HWY_SSE2
  return "sse2";
#elif HWY_ARCH_ARM
  return "neon";
#elif HWY_ARCH_WASM && defined(__wasm_relaxed_simd__)
  return "wasm-relaxed-simd";
#elif HWY_ARCH_WASM
  return "wasm-simd128";
#else
  return "portable";
#endif
}

const Kernels& kernels() {
  static const Kernels table{
      .simd = simd_name(),
      .lanes = kLanes,
      .panel_columns = kPanel,
      .tile_rows = kTileRows,
      .packed_size = packed_size,
      .pack = pack,
      .gemm = gemm,
      .norm_rows = norm_rows,
      .rms_rows = rms_rows,
      .gate = gate,
      .highest = highest,
      .add = add,
      .attention_scratch = attention_scratch,
      .attention = attention,
      .square_sum = square_sum,
      .burn = burn,
  };
  return table;
}

}  // namespace HWY_NAMESPACE
}  // namespace ipfs_accelerate::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ipfs_accelerate::cpu {

#if HWY_ARCH_WASM  // one level, chosen when compiling
const Kernels& best_kernels() { return HWY_STATIC_DISPATCH(kernels)(); }
std::vector<const Kernels*> all_kernels() { return {&best_kernels()}; }
#else
HWY_EXPORT(kernels);

const Kernels& best_kernels() { return HWY_DYNAMIC_DISPATCH(kernels)(); }

std::vector<const Kernels*> all_kernels() {
  std::vector<const Kernels*> result;
  std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  while (targets != 0) {
    const std::int64_t best = targets & -targets;  // better levels have lower bits
    hwy::SetSupportedTargetsForTest(best);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    result.push_back(&HWY_DYNAMIC_DISPATCH(kernels)());
    targets &= targets - 1;
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return result;
}
#endif

}  // namespace ipfs_accelerate::cpu
#endif
