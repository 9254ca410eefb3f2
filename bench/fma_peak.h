// The floor for arithmetic on a CPU: single-precision fused multiply-adds per second that this machine sustains.
#pragma once

namespace ipfs_accelerate::bench {

/// FLOP/s of `threads` threads running independent vector FMAs (two operations each) at the widest vector the CPU has.
double fma_peak(int threads);

}  // namespace ipfs_accelerate::bench
