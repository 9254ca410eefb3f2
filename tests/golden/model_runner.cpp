// Loading and running on backends and on the interpreter; see model_runner.h.
#include "golden/model_runner.h"

#include "backend/cpu/cpu.h"
#include "backend/webgpu/webgpu.h"
#include "golden/reference.h"

namespace ipfs_accelerate {
namespace {

using Values = std::map<std::string, Tensor>;

Result<std::vector<WeightPart>> parts_of(const Weight& weight, const TensorFiles& tensors) {
  std::vector<WeightPart> parts;
  for (const std::string& name : weight.parts) {
    IA_ASSIGN(WeightPart part, tensors.part(name));
    IA_TRY(check_finite(name, part.dtype, part.bytes));
    parts.push_back(part);
  }
  return parts;
}

class ReferenceRunner final : public ModelRunner {
 public:
  explicit ReferenceRunner(const Graph& graph) : graph_(graph), weights_(graph.weights.size()) {}

  Result<> load(const TensorFiles& tensors) {
    for (WeightId id : used_weights(graph_)) {
      const Weight& weight = graph_.weight(id);
      IA_ASSIGN(const std::vector<WeightPart> parts, parts_of(weight, tensors));
      Tensor& whole = weights_[static_cast<std::size_t>(id)] = Tensor::f32(weight.shape);
      std::size_t at = 0;
      for (const WeightPart& part : parts) {
        const std::size_t count = part.bytes.size() / dtype_size(part.dtype);
        IA_TRY(widen_to_f32(part.dtype, part.bytes, whole.f32s().subspan(at, count)));
        at += count;
      }
    }
    return {};
  }

  Result<Values> run(const Batch& batch) override {
    IA_ASSIGN(std::vector<Tensor> outputs, run_reference(graph_, batch.shape, weights_, batch.inputs));
    Values values;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      values.emplace(graph_.value(graph_.outputs[i]).name, std::move(outputs[i]));
    }
    return values;
  }

 private:
  const Graph& graph_;
  std::vector<Tensor> weights_;
};

class BackendRunner final : public ModelRunner {
 public:
  explicit BackendRunner(host::Loop& loop) : loop_(loop) {}

  Result<> load(const Graph& graph, const TensorFiles& tensors, const Devices& devices) {
    plan_ = make_plan(graph, devices.platform(), [&](const Graph& whole, const Node& node) {
      return devices.preferred()->declines(whole, node, devices.options());
    });
    for (const Segment& segment : plan_.segments) {
      if (segment.platform != devices.platform()) declined_ += segment.graph.nodes.size();
      Backend& backend = *devices.backend(segment.platform);
      IA_ASSIGN(auto program, loop_.block_on(backend.load(segment.graph, devices.options())));
      for (WeightId id : used_weights(segment.graph)) {
        IA_ASSIGN(std::vector<WeightPart> parts, parts_of(segment.graph.weight(id), tensors));
        IA_TRY(loop_.block_on(program->upload(id, std::move(parts))));
      }
      programs_.push_back(std::move(program));
    }
    return {};
  }

  Result<Values> run(const Batch& batch) override {
    Values values;
    for (std::size_t i = 0; i < batch.inputs.size(); ++i) values[batch.input_names[i]] = batch.inputs[i];
    IA_TRY(compile(batch.shape));
    for (std::size_t i = 0; i < programs_.size(); ++i) {
      IA_TRY(run_segment(plan_.segments[i].graph, *executables_[i], batch.shape, values));
    }
    return values;
  }

  std::size_t declined_nodes() const override { return declined_; }

 private:
  /// Keeps what is compiled for the last shape.
  Result<> compile(const ShapeClass& shape) {
    if (!executables_.empty() && shape == compiled_) return {};
    executables_.clear();
    for (const auto& program : programs_) {
      IA_ASSIGN(auto executable, loop_.block_on(program->compile(shape, Stop())));
      executables_.push_back(std::move(executable));
    }
    compiled_ = shape;
    return {};
  }

  Result<> run_segment(const Graph& graph, Executable& executable, const ShapeClass& shape, Values& values) {
    std::vector<TensorRef> inputs;
    for (ValueId id : graph.inputs) {
      const Tensor& tensor = values.at(graph.value(id).name);
      inputs.push_back({tensor.dtype, tensor.bytes});
    }
    std::vector<Tensor> results;
    for (ValueId id : graph.outputs) results.push_back(Tensor::f32(bind(graph.value(id).dims, shape)));
    std::vector<MutableTensorRef> outputs;
    for (Tensor& tensor : results) outputs.push_back({tensor.dtype, tensor.bytes});
    IA_TRY(loop_.block_on(executable.run(std::move(inputs), std::move(outputs), Stop())));
    for (std::size_t i = 0; i < results.size(); ++i) values[graph.value(graph.outputs[i]).name] = std::move(results[i]);
    return {};
  }

  host::Loop& loop_;
  Plan plan_;
  std::vector<std::unique_ptr<Program>> programs_;
  std::vector<std::unique_ptr<Executable>> executables_;  ///< for shape compiled_
  ShapeClass compiled_;
  std::size_t declined_ = 0;
};

}  // namespace

Result<Devices> Devices::open(const std::string& platform, int precision) {
  Devices devices;
  devices.platform_ = platform;
  devices.options_.precision = precision;
  if (platform == "reference") return devices;
  host::NativeCompute& compute = devices.machine_->compute;
  devices.cpu_ = cpu::make_backend(compute);
  if (platform == "cpu") return devices;
  if (platform != "webgpu") {
    return fail(ErrorCode::kUnknownPlatform, "no native backend '{}'; known are cpu, webgpu, reference", platform);
  }
  IA_ASSIGN(devices.preferred_,
            devices.loop().block_on(webgpu::make_backend(devices.machine_->gpu, *devices.cpu_, &compute)));
  return devices;
}

Result<std::unique_ptr<ModelRunner>> make_runner(const Pipeline& pipeline, const TensorFiles& tensors,
                                                 const Devices& devices) {
  if (!devices.preferred()) {
    auto runner = std::make_unique<ReferenceRunner>(pipeline.graph());
    IA_TRY(runner->load(tensors));
    return runner;
  }
  auto runner = std::make_unique<BackendRunner>(devices.loop());
  IA_TRY(runner->load(pipeline.graph(), tensors, devices));
  return runner;
}

}  // namespace ipfs_accelerate
