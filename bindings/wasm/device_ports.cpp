#include "device_ports.h"

#include <nlohmann/json.hpp>

#include "backend/webgpu/adapter.h"

namespace ipfs_accelerate::page {
namespace {

using Json = nlohmann::json;

webgpu::AdapterFacts read_facts(const Json& json) {
  webgpu::AdapterFacts facts{.vendor = json.value("vendor", ""),
                             .architecture = json.value("architecture", ""),
                             .device = json.value("device", ""),
                             .description = json.value("description", ""),
                             .is_fallback = json.value("isFallbackAdapter", false),
                             .features = json.value("features", std::vector<std::string>()),
                             .limits = {},
                             .subgroup_min_size = json.value("subgroupMinSize", 0),
                             .subgroup_max_size = json.value("subgroupMaxSize", 0)};
  for (const auto& [name, limit] : json.value("limits", Json::object()).items()) {
    facts.limits.emplace(name, limit.get<std::int64_t>());
  }
  return facts;
}

std::string wanted_text() {
  return Json{{"limits", webgpu::kWantedLimits}, {"features", webgpu::kWantedFeatures}}.dump();
}

/// Inputs, then outputs.
std::vector<Span> spans_of(const std::vector<ByteView>& inputs, const std::vector<std::span<std::uint8_t>>& outputs) {
  std::vector<Span> spans;
  for (const ByteView input : inputs) spans.push_back(span_of(input));
  for (const auto output : outputs) spans.push_back(span_of(output));
  return spans;
}

std::vector<double> as_numbers(const std::vector<std::int32_t>& ids) { return {ids.begin(), ids.end()}; }

int first_of(const Answer& answer) { return static_cast<int>(answer.numbers.at(0)); }

}  // namespace

Async<std::vector<DeviceInfo>> PageGpu::list() {
  const Answer answer = co_await border_.ask({.kind = Kind::gpu_list, .text = wanted_text()});
  std::vector<DeviceInfo> found;
  for (const Json& adapter : Json::parse(answer.text, nullptr, false)) found.push_back(describe(adapter));
  co_return found;
}

Async<webgpu::OpenedGpu> PageGpu::open(Stop stop) {
  const Answer answer = co_await border_.ask({.kind = Kind::gpu_open, .text = wanted_text()}, std::move(stop));
  const Json json = Json::parse(answer.text, nullptr, false);
  if (first_of(answer) != device_) watch(device_ = first_of(answer));
  co_return webgpu::OpenedGpu{describe(json.value("adapter", Json::object())),
                              webgpu::capabilities_of(read_facts(json.value("device", Json::object())))};
}

DeviceInfo PageGpu::describe(const nlohmann::json& adapter) const {
  DeviceInfo info = webgpu::describe(read_facts(adapter));
  info.browser = browser_;
  return info;
}

/// The page answers this request when the device goes.
void PageGpu::watch(int device) {
  lost_.clear();
  start(border_.executor, border_.ask({.kind = Kind::gpu_lost, .numbers = {static_cast<double>(device)}}),
        [this, device](const Result<Answer>& answer) {
          if (device == device_) lost_ = answer ? answer->text : answer.error().message;
        });
}

Async<webgpu::BufferId> PageGpu::buffer(std::int64_t size, ByteView bytes) {
  co_return first_of(co_await border_.ask(
      {.kind = Kind::gpu_buffer, .numbers = {static_cast<double>(size)}, .spans = {span_of(bytes)}}));
}

Async<webgpu::MadePlan> PageGpu::plan(webgpu::Recording recording, std::vector<webgpu::BufferId> kept, Stop stop) {
  const Answer answer = co_await border_.ask(
      {.kind = Kind::gpu_plan, .numbers = as_numbers(kept), .text = webgpu::to_json(recording)}, std::move(stop));
  const double bytes = answer.numbers.size() > 1 ? answer.numbers[1] : 0;
  co_return webgpu::MadePlan{first_of(answer), static_cast<std::int64_t>(bytes)};
}

Async<> PageGpu::submit(webgpu::PlanId plan, std::vector<ByteView> inputs,
                        std::vector<std::span<std::uint8_t>> outputs) {
  co_await border_.ask({.kind = Kind::gpu_submit,
                        .numbers = {static_cast<double>(plan), static_cast<double>(inputs.size())},
                        .spans = spans_of(inputs, outputs)});
}

void PageGpu::drop_buffer(webgpu::BufferId buffer) { border_.tell({.kind = Kind::gpu_drop_buffer, .number = buffer}); }
void PageGpu::drop_plan(webgpu::PlanId plan) { border_.tell({.kind = Kind::gpu_drop_plan, .number = plan}); }

Async<webnn::OpenedContext> PageWebnn::open(Stop stop) {
  const Answer answer = co_await border_.ask({.kind = Kind::webnn_open}, std::move(stop));
  webnn::OpenedContext context{
      .id = first_of(answer), .limits_json = answer.text, .accelerated = {}, .browser = browser_};
  if (answer.numbers.size() > 1) context.accelerated = answer.numbers[1] != 0;
  co_return context;
}

void PageWebnn::drop_context(webnn::ContextId context) {
  border_.tell({.kind = Kind::webnn_drop_context, .number = context});
}

Async<webnn::ConstantId> PageWebnn::constant(ByteView bytes) {
  co_return first_of(co_await border_.ask({.kind = Kind::webnn_constant, .spans = {span_of(bytes)}}));
}

void PageWebnn::drop_constant(webnn::ConstantId constant) {
  border_.tell({.kind = Kind::webnn_drop_constant, .number = constant});
}

Async<webnn::GraphId> PageWebnn::build(webnn::ContextId context, std::string lowered_json,
                                       std::vector<webnn::ConstantId> constants, Stop stop) {
  std::vector<double> numbers = as_numbers(constants);
  numbers.insert(numbers.begin(), context);
  co_return first_of(co_await border_.ask(
      {.kind = Kind::webnn_build, .numbers = std::move(numbers), .text = std::move(lowered_json)}, std::move(stop)));
}

Async<> PageWebnn::dispatch(webnn::GraphId graph, std::vector<ByteView> inputs,
                            std::vector<std::span<std::uint8_t>> outputs) {
  co_await border_.ask({.kind = Kind::webnn_dispatch,
                        .numbers = {static_cast<double>(graph), static_cast<double>(inputs.size())},
                        .spans = spans_of(inputs, outputs)});
}

void PageWebnn::drop_graph(webnn::GraphId graph) { border_.tell({.kind = Kind::webnn_drop_graph, .number = graph}); }

}  // namespace ipfs_accelerate::page
