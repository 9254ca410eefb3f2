// ThreadPool: persistent workers that share the tasks of one parallel section at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "base/pool.h"

namespace ipfs_accelerate::host {

/// Threads this build may use on this machine; 1 in a WASM build without threads.
int hardware_threads();

/// The most threads worth starting where each costs a worker and its memory: past it, encoders gain nothing.
inline constexpr int kMostStartedThreads = 16;
/// How many threads to compute on in a page, the caller's among them. `wanted`: 0 = all processors.
int threads_to_start(int wanted, int processors);

/// Workers spin briefly between sections and then sleep, so sections that follow each other cost about a microsecond.
class ThreadPool final : public Pool {
 public:
  /// threads: how many work on a section, the caller included; 0 = hardware_threads().
  explicit ThreadPool(int threads = 0);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const override { return static_cast<int>(workers_.size()) + 1; }

 private:
  void run_erased(std::int64_t count, Function function, void* context) override;
  bool claim(std::int64_t& index);
  void work_until_empty(int thread);
  void worker(int thread);
  bool wait_for_work(std::uint64_t seen);

  // state_ holds the section's number (upper half) and how many tasks nobody has claimed (lower half). A successful
  // claim proves that the section is still running, so the fields below it are read only after one.
  alignas(64) std::atomic<std::uint64_t> state_{0};
  alignas(64) std::atomic<std::int64_t> finished_{0};
  std::int64_t count_ = 0;
  Function function_ = nullptr;
  void* context_ = nullptr;

  std::mutex mutex_;
  std::condition_variable work_ready_, all_done_;
  std::atomic<int> sleepers_{0};
  std::atomic<bool> caller_sleeps_{false};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace ipfs_accelerate::host
