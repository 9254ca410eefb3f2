// Compute: the host's processor, as the CPU backend and long plain work use it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/pool.h"
#include "base/stop.h"

namespace ipfs_accelerate {

/// What the operating system calls the processor; empty where it does not say.
struct Processor {
  std::string name, vendor;
};

class Compute {
 public:
  virtual ~Compute() = default;
  virtual Processor processor() const { return {}; }
  /// Threads this host offers.
  virtual int threads() const = 0;
  /// The pool with this many threads; 0 = threads(). Equal numbers give the same pool, which lives as long as
  /// somebody holds it.
  virtual std::shared_ptr<Pool> pool(int threads) = 0;
  /// The CPU's lane, one at a time, in the order of the calls: calls `step` until it gives false or an error. Between
  /// steps kCancelled once `stop` is requested; in the page other events get a turn once 8 ms have passed. What `step`
  /// refers to must live until this ends.
  virtual Async<> run_steps(std::function<Result<bool>()> step, Stop stop) = 0;
  /// Plain work (tokenizing, packing) aside of the executor; in the page in place.
  virtual Async<> offload(std::function<Result<>()> work, Stop stop) = 0;
  /// Memory of `bytes` that will be read from end to end: a host with huge pages may use them. Any thread.
  virtual void advise_huge(void* memory, std::size_t bytes) {
    static_cast<void>(memory);
    static_cast<void>(bytes);
  }
};

}  // namespace ipfs_accelerate
