// A session: one model loaded on a device, ready to run batches.
#pragma once

#include <list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/device_pool.h"
#include "engine/model_source.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate {

/// Not thread-safe: the engine guards it.
class Session {
 public:
  /// Builds the graph and the plan and uploads every weight, each checked to be finite.
  static Result<std::unique_ptr<Session>> load(ModelSource source, const Config& config, const Choice& choice);

  /// One JSON value per input, in the order of the inputs.
  Result<std::vector<nlohmann::json>> run(const std::vector<Input>& inputs, const Config& config);

  const Pipeline& pipeline() const { return pipeline_; }
  const DeviceInfo& device() const { return device_; }
  double read_seconds() const { return source_.read_seconds; }
  int precision() const { return precision_; }  ///< what the device computes in
  std::int64_t device_bytes() const;            ///< weights and activations on the device
  std::vector<std::string> optimizations() const;

 private:
  struct Compiled {
    ShapeClass shape;
    std::vector<std::unique_ptr<Executable>> parts;  ///< one per segment
  };

  explicit Session(Pipeline pipeline) : pipeline_(std::move(pipeline)) {}
  Result<> load_segment(const Segment& segment, Backend& backend, const LoadOptions& options);
  Result<Compiled*> compiled(const ShapeClass& shape);
  Result<Tensor> compute(const Batch& batch);
  Result<std::vector<nlohmann::json>> run_batch(const std::vector<TextInput>& items, const TaskOptions& options);

  Pipeline pipeline_;
  ModelSource source_;
  Plan plan_;
  DeviceInfo device_;
  int precision_ = 32;
  bool sorted_ = false;
  std::vector<std::unique_ptr<Program>> programs_;  ///< one per segment
  std::list<Compiled> cache_;                       ///< most recently used first
};

/// What Config says for tasks and backends.
TaskOptions task_options(const Config& config);
LoadOptions load_options(const Config& config);

/// The plan as JSON, without reading a weight.
Result<nlohmann::ordered_json> explain_model(const ModelSource& source, const std::vector<Input>& inputs,
                                             const Config& config, const Choice& choice);

}  // namespace ipfs_accelerate
