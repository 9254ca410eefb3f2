// Runs a pipeline's graph on a named backend: "cpu", "webgpu", or "reference" (the interpreter of reference.h).
#pragma once

#include "golden/model_folder.h"
#include "host/native/compute.h"
#include "host/native/dawn_gpu.h"

namespace ipfs_accelerate {

/// Backends stay open as long as this.
class Devices {
 public:
  /// kUnknownPlatform, kNoAdapter.
  static Result<Devices> open(const std::string& platform, int precision);
  const std::string& platform() const { return platform_; }
  const LoadOptions& options() const { return options_; }
  Backend* preferred() const { return preferred_ ? preferred_.get() : cpu_.get(); }  ///< null for "reference"
  Backend* backend(const std::string& platform) const { return platform == "cpu" ? cpu_.get() : preferred_.get(); }
  host::Loop& loop() const { return machine_->loop; }

 private:
  struct Machine {
    host::Loop loop;
    host::NativeCompute compute{loop};
    host::DawnGpu gpu{loop};
  };
  std::unique_ptr<Machine> machine_ = std::make_unique<Machine>();
  std::string platform_;
  LoadOptions options_;
  std::unique_ptr<Backend> cpu_, preferred_;
};

class ModelRunner {
 public:
  virtual ~ModelRunner() = default;
  /// Every output of the graph by name. Inputs in the order of the graph.
  virtual Result<std::map<std::string, Tensor>> run(const Batch& batch) = 0;
  /// Nodes that ran on the CPU because the preferred backend declined them.
  virtual std::size_t declined_nodes() const { return 0; }
};
/// `pipeline` and `devices` must outlive the runner; `tensors` only this call.
Result<std::unique_ptr<ModelRunner>> make_runner(const Pipeline& pipeline, const TensorFiles& tensors,
                                                 const Devices& devices);

}  // namespace ipfs_accelerate
