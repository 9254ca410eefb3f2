// The backend contract: declines, load (weights once), compile (per shape class), run. Portable: a backend reaches its
// device through a port, and everything that may wait is an Async.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/stop.h"
#include "graph/graph.h"

namespace ipfs_accelerate {

/// Facts about one device, all read from the device or the operating system.
struct DeviceInfo {
  std::string platform;  ///< "cpu", "webgpu", "webnn"
  std::string name;      ///< "NVIDIA H200", "AMD EPYC", "llvmpipe (LLVM 21, 256 bits)"
  std::string vendor, architecture, driver;
  std::string browser;                ///< through which it is used: "chrome", "firefox", "node" ...; empty natively
  bool is_real_hardware = false;      ///< false for software adapters (llvmpipe, SwiftShader)
  std::vector<std::string> features;  ///< "avx512", "shader-f16", "subgroups" ...
  std::vector<std::pair<std::string, std::int64_t>> limits;  ///< "maxStorageBufferBindingSize" ...
  std::vector<std::string> switched_off;  ///< features refused by the self-check or a quirk, with why
  int threads = 0;                        ///< CPU only
};

struct LoadOptions {
  int precision = 32;  ///< 32: f32 everywhere; 16: f16 storage and compute where the device has it
  int threads = 0;     ///< CPU: 0 = as many as the machine offers
};

/// One stored tensor's bytes, in the graph's shape (arrange_part); a stacked weight has several, in order.
struct WeightPart {
  Dtype dtype = Dtype::kF32;
  Shape shape;
  ByteView bytes;
};

struct TensorRef {  ///< input of a run; dtype and size must equal the graph's, bound
  Dtype dtype;
  ByteView bytes;
};
struct MutableTensorRef {
  Dtype dtype;  ///< kF32 (whatever the backend computes in) or kI32
  std::span<std::uint8_t> bytes;
};

/// A graph compiled for one shape class. Runs of a program follow each other: the caller awaits one before the next.
class Executable {
 public:
  virtual ~Executable() = default;
  /// inputs and outputs in the order of Graph::inputs and Graph::outputs; their bytes must live until this ends. An
  /// output without bytes is not read back.
  /// kInvalidArgument when they do not fit the graph, kDeviceLost, kOutOfMemory, kCancelled.
  virtual Async<> run(std::vector<TensorRef> inputs, std::vector<MutableTensorRef> outputs, Stop stop) = 0;
  /// What belongs to this shape class: activations, and on WebNN each graph's own copy of the weights.
  virtual std::int64_t memory_bytes() const = 0;
};

/// A graph on a device: takes every weight once, then compiles any number of parts and shape classes of it.
class Program {
 public:
  virtual ~Program() = default;
  /// Converts and keeps the weight; the parts' bytes must live until this ends, no longer. kCancelled: it is not there.
  virtual Async<> upload(WeightId id, std::vector<WeightPart> parts, Stop stop) = 0;
  /// Makes every state of the graph anew, of the sizes in this shape class; what is in it is undefined. Executables
  /// that use states must be compiled afterwards; earlier ones keep the states as they were.
  virtual Async<> make_states(ShapeClass sizes, Stop stop) = 0;
  /// `part`: a slice() of the program's graph, without what the shape class leaves out (present()); none: all of it.
  /// kMissingWeight when one was not uploaded before, kCancelled. The executable may outlive the program.
  virtual Async<std::unique_ptr<Executable>> compile(ShapeClass shape, Stop stop,
                                                     std::shared_ptr<const Graph> part = {}) = 0;
  virtual int precision() const = 0;  ///< bits it computes in
  virtual std::int64_t weight_bytes() const = 0;
  virtual std::int64_t state_bytes() const = 0;
  /// What was done to make it fast, for RunResult::optimizations: "prepacked weights", "f16", "subgroup matrices".
  virtual std::vector<std::string> optimizations() const = 0;
};

/// Bytes that a graph takes on a device.
struct Memory {
  std::int64_t weights = 0;      ///< Program::weight_bytes(), once all are uploaded
  std::int64_t states = 0;       ///< Program::state_bytes(), once they are made for this shape class
  std::int64_t activations = 0;  ///< Executable::memory_bytes()
  friend bool operator==(const Memory&, const Memory&) = default;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const DeviceInfo& device() const = 0;
  /// Empty when the node can run here, else the reason.
  virtual std::string declines(const Graph& graph, const Node& node, const LoadOptions& options) const = 0;
  /// What the graph will take in this shape class; no weight is read. Fails where compile() would.
  virtual Result<Memory> predict(const Graph& graph, const ShapeClass& shape, const LoadOptions& options) const = 0;
  /// May first check the device at this precision (kSelfCheckFailed), which `stop` ends unless others wait for it too.
  virtual Async<std::unique_ptr<Program>> load(Graph graph, LoadOptions options, Stop stop) = 0;
};

}  // namespace ipfs_accelerate
