// Measures the FMA peak with Highway at the best target of this CPU.
#include "bench/fma_peak.h"

#include <chrono>
#include <thread>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/fma_peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ipfs_accelerate::bench::HWY_NAMESPACE {

// Twelve independent chains hide the latency; the sum is returned so that nothing is optimised away.
double chains(std::int64_t steps) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  auto a = hn::Set(d, 1.0f), b = hn::Set(d, 0.999f), c = hn::Set(d, 0.0f);
  auto s0 = c, s1 = c, s2 = c, s3 = c, s4 = c, s5 = c, s6 = c, s7 = c, s8 = c, s9 = c, s10 = c, s11 = c;
  for (std::int64_t i = 0; i < steps; ++i) {
    s0 = hn::MulAdd(a, b, s0);
    s1 = hn::MulAdd(a, b, s1);
    s2 = hn::MulAdd(a, b, s2);
    s3 = hn::MulAdd(a, b, s3);
    s4 = hn::MulAdd(a, b, s4);
    s5 = hn::MulAdd(a, b, s5);
    s6 = hn::MulAdd(a, b, s6);
    s7 = hn::MulAdd(a, b, s7);
    s8 = hn::MulAdd(a, b, s8);
    s9 = hn::MulAdd(a, b, s9);
    s10 = hn::MulAdd(a, b, s10);
    s11 = hn::MulAdd(a, b, s11);
#if defined(__clang__) && defined(__x86_64__)
    // Opaque to the optimiser: the chains stay chains.
    asm volatile("" : "+x"(s0.raw), "+x"(s1.raw), "+x"(s2.raw), "+x"(s3.raw), "+x"(s4.raw), "+x"(s5.raw));
    asm volatile("" : "+x"(s6.raw), "+x"(s7.raw), "+x"(s8.raw), "+x"(s9.raw), "+x"(s10.raw), "+x"(s11.raw));
#endif
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)),
              hn::Add(hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)), hn::Add(hn::Add(s8, s9), hn::Add(s10, s11))));
  return hn::ReduceSum(d, sum);
}
std::int64_t lanes() { return hwy::HWY_NAMESPACE::Lanes(hwy::HWY_NAMESPACE::ScalableTag<float>()); }

}  // namespace ipfs_accelerate::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ipfs_accelerate::bench {
HWY_EXPORT(chains);
HWY_EXPORT(lanes);

double fma_peak(int threads) {
  constexpr std::int64_t kSteps = 40'000'000;  // 0.1 s: the threads' start must not count
  double best = 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    std::vector<double> sums(threads);
    const auto start = std::chrono::steady_clock::now();
    {
      std::vector<std::jthread> workers;
      for (int t = 0; t < threads; ++t)
        workers.emplace_back([&sums, t] { sums[t] = HWY_DYNAMIC_DISPATCH(chains)(kSteps); });
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * 12 * kSteps * HWY_DYNAMIC_DISPATCH(lanes)() * threads / seconds);
  }
  return best;
}
}  // namespace ipfs_accelerate::bench
#endif
