// Pool: threads that share the tasks of one parallel section at a time. What kernels see; a host makes it.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace ipfs_accelerate {

/// One section at a time: run() is called by one thread, and not from inside a task.
class Pool {
 public:
  virtual ~Pool() = default;
  /// How many work on a section, the caller included.
  virtual int threads() const = 0;

  /// Calls task(index, thread) for every index in [0, count) and returns when all are done; 0 <= thread < threads().
  /// Everything the tasks wrote is visible to the caller. count < 2^31. Once *stop is set, tasks that have not begun
  /// are left out: the caller must look at the flag before it uses what the section made.
  template <class Task>
  void run(std::int64_t count, Task&& task) {
    using Plain = std::remove_reference_t<Task>;
    run_erased(
        count, [](void* context, std::int64_t index, int thread) { (*static_cast<Plain*>(context))(index, thread); },
        const_cast<void*>(static_cast<const void*>(&task)));
  }
  /// The flag that the sections to come look at; null for none. Must live until the next call.
  void stop_at(const std::atomic<std::int32_t>* flag) { stop_ = flag; }

 protected:
  using Function = void (*)(void* context, std::int64_t index, int thread);
  virtual void run_erased(std::int64_t count, Function function, void* context) = 0;
  bool stopped() const { return stop_ != nullptr && stop_->load(std::memory_order_relaxed) != 0; }

 private:
  const std::atomic<std::int32_t>* stop_ = nullptr;
};

}  // namespace ipfs_accelerate
