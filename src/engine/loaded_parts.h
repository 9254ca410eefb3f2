// LoadedParts: a model's parts on its devices: programs, states, and executables for the shapes in use.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/devices.h"
#include "engine/plan.h"
#include "task/batch.h"

namespace ipfs_accelerate {

/// The plan for a device: what it declines goes to the CPU.
Plan plan_for(const std::vector<Part>& parts, const Choice& choice, const LoadOptions& options);
/// What a plan takes on its devices when every part, but those on demand, is compiled for this shape class.
/// kInvalidArgument when that leaves out what the model cannot do without.
Result<Memory> predict(const Plan& plan, const ShapeClass& shape, const Choice& choice, const LoadOptions& options);

/// Computations follow each other.
class LoadedParts {
 public:
  /// Everything but the weights.
  static Async<std::unique_ptr<LoadedParts>> open(std::vector<Part> parts, Choice choice, LoadOptions options,
                                                  Stop stop);
  const std::vector<Part>& parts() const { return parts_; }
  /// The graph of a part. kInternal when there is none.
  Result<const Graph*> graph(std::string_view part) const;
  const Plan& plan() const { return plan_; }

  std::vector<WeightId> weights() const;  ///< that some device wants
  Async<> upload(WeightId id, std::vector<WeightPart> parts, Stop stop);
  /// Makes states larger where they have fewer pages than these symbols say; what they hold is lost then.
  Async<> reserve_states(ShapeClass pages, Stop stop);
  /// Pads the batch to a shape that is compiled, runs the part, and crops what comes out. Tensors that the part does
  /// not read are dropped; where an optional input has none, the part runs without that input. `wanted` names outputs;
  /// the others are not read from their device.
  Async<std::vector<NamedTensor>> compute(std::string part, Batch batch, std::vector<std::string> wanted, Stop stop);

  /// What the backends say that all that is compiled takes, and what it takes.
  Result<std::pair<Memory, Memory>> memory() const;
  /// The device that computes most of the model.
  const DeviceInfo& device() const;
  int precision() const;              ///< bits it computes in
  std::int64_t device_bytes() const;  ///< weights, states and activations on devices with memory of their own
  std::vector<std::string> optimizations() const;

 private:
  struct Compiled {
    std::string part;
    ShapeClass shape;
    /// Of the segments: their graphs, without the inputs that the shape class leaves out.
    std::vector<std::shared_ptr<const Graph>> graphs;
    std::vector<std::unique_ptr<Executable>> segments;
  };
  struct OnDevice {
    std::shared_ptr<const Graph> graph;  ///< all that runs there
    std::unique_ptr<Program> program;
  };

  LoadedParts(std::vector<Part> parts, Choice choice, LoadOptions options)
      : parts_(std::move(parts)),
        choice_(std::move(choice)),
        options_(options),
        plan_(plan_for(parts_, choice_, options_)) {}
  Backend& backend_of(std::string_view platform) const;
  ShapeClass compiled_shape(const Graph& graph, const ShapeClass& real) const;
  Async<Compiled*> compiled(std::string part, ShapeClass shape, Stop stop);

  std::vector<Part> parts_;
  Choice choice_;
  LoadOptions options_;
  Plan plan_;
  std::map<std::string, OnDevice, std::less<>> programs_;  ///< by platform
  ShapeClass pages_;                                       ///< of the states as they are
  std::list<Compiled> cache_;                              ///< most recently used first
};

}  // namespace ipfs_accelerate
