// ThreadPool: claiming of tasks through one atomic word, spinning before sleeping.
#include "host/threads/thread_pool.h"

#include <algorithm>
#include <chrono>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif
#ifdef __EMSCRIPTEN__
#include <emscripten/threading.h>
#endif

namespace ipfs_accelerate::host {
namespace {

// The same objects make the WASM programs with and without threads.
bool has_threads() {
#ifdef __EMSCRIPTEN__
  return emscripten_has_threading_support();
#else
  return true;
#endif
}

// Longer than the serial gap between two sections, short enough not to burn a core between requests. Waking through
// the browser's Atomics.wait costs tens of microseconds, so it spins longer there.
#ifdef __EMSCRIPTEN__
constexpr auto kSpin = std::chrono::microseconds(200);
#else
constexpr auto kSpin = std::chrono::microseconds(100);
#endif

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until done() or kSpin is over; returns the last done().
template <class Done>
bool spin_until(Done done) {
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() - start < kSpin);
  return done();
}

constexpr std::uint64_t kLower = 0xFFFFFFFFu;

}  // namespace

int hardware_threads() {
  if (!has_threads()) return 1;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int threads_to_start(int wanted, int processors) {
  return std::clamp(wanted == 0 ? processors : wanted, 1, kMostStartedThreads);
}

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = hardware_threads();
  if (!has_threads()) return;
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { worker(thread); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_ready_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::run_erased(std::int64_t count, Function function, void* context) {
  if (workers_.empty() || count <= 1) {
    for (std::int64_t index = 0; index < count && !stopped(); ++index) function(context, index, 0);
    return;
  }
  count_ = count;
  function_ = function;
  context_ = context;
  finished_.store(0, std::memory_order_relaxed);
  const std::uint64_t section = (state_.load(std::memory_order_relaxed) >> 32) + 1;
  state_.store(section << 32 | static_cast<std::uint64_t>(count));
  if (sleepers_.load() > 0) {
    std::lock_guard lock(mutex_);  // a worker between its last look and its sleep holds the mutex
    work_ready_.notify_all();
  }
  work_until_empty(0);
  const auto done = [&] { return finished_.load(std::memory_order_acquire) == count; };
  if (spin_until(done)) return;
  std::unique_lock lock(mutex_);
  caller_sleeps_ = true;
  all_done_.wait(lock, [&] { return finished_.load() == count; });
  caller_sleeps_ = false;
}

bool ThreadPool::claim(std::int64_t& index) {
  std::uint64_t state = state_.load(std::memory_order_acquire);
  while ((state & kLower) != 0) {
    if (state_.compare_exchange_weak(state, state - 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      index = count_ - static_cast<std::int64_t>(state & kLower);
      return true;
    }
  }
  return false;
}

void ThreadPool::work_until_empty(int thread) {
  std::int64_t index;
  while (claim(index)) {
    const std::int64_t count = count_;  // not to be read after the last task is reported
    if (!stopped()) function_(context_, index, thread);
    const bool last = finished_.fetch_add(1) + 1 == count;
    if (last && caller_sleeps_.load()) {
      std::lock_guard lock(mutex_);
      all_done_.notify_one();
    }
  }
}

bool ThreadPool::wait_for_work(std::uint64_t seen) {
  const auto changed = [&] { return state_.load() >> 32 != seen || stopping_.load(); };
  if (!spin_until(changed)) {
    std::unique_lock lock(mutex_);
    ++sleepers_;
    work_ready_.wait(lock, changed);
    --sleepers_;
  }
  return !stopping_.load();
}

void ThreadPool::worker(int thread) {
  std::uint64_t seen = 0;
  while (wait_for_work(seen)) {
    seen = state_.load() >> 32;
    work_until_empty(thread);
  }
}

}  // namespace ipfs_accelerate::host
