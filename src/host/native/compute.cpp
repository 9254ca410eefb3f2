// The native Compute, and what Linux says about the processor.
#include "host/native/compute.h"

#include <fstream>
#include <string>

#include "host/threads/thread_pool.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace ipfs_accelerate::host {
namespace {

// The value of a field of /proc/cpuinfo's first processor; empty where there is none.
std::string cpuinfo(const std::string& field) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(field)) continue;
    if (line.find_first_not_of(" \t", field.size()) != colon) continue;
    const auto start = line.find_first_not_of(' ', colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

Result<> run_all(const std::function<Result<bool>()>& step, const Stop& stop) {
  for (bool more = true; more;) {
    IA_TRY(stop.check());
    IA_ASSIGN(more, step());
  }
  return {};
}

}  // namespace

NativeCompute::NativeCompute(Loop& loop, int threads)
    : threads_(threads > 0 ? threads : hardware_threads()), cpu_(loop), aside_(loop) {}

Processor NativeCompute::processor() const { return {cpuinfo("model name"), cpuinfo("vendor_id")}; }

std::shared_ptr<Pool> NativeCompute::pool(int threads) {
  if (threads <= 0) threads = threads_;
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Pool> pool = pools_[threads].lock();
  if (!pool) pools_[threads] = pool = std::make_shared<ThreadPool>(threads);
  if (threads == threads_) usual_ = pool;
  return pool;
}

Async<> NativeCompute::run_steps(std::function<Result<bool>()> step, Stop stop) {
  const Turns::Turn turn = co_await turns_.take(stop);
  co_await cpu_.call<void>([&] { return run_all(step, stop); });
}

Async<> NativeCompute::offload(std::function<Result<>()> work, Stop stop) {
  co_await aside_.call<void>([&]() -> Result<> {
    IA_TRY(stop.check());
    return work();
  });
}

void NativeCompute::advise_huge(void* memory, std::size_t bytes) {
#ifdef __linux__
  madvise(memory, bytes, MADV_HUGEPAGE);
#else
  static_cast<void>(memory), static_cast<void>(bytes);
#endif
}

}  // namespace ipfs_accelerate::host
