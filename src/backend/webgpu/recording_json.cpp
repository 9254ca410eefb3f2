// to_json(): the recording as text for executors in other languages; docs/recording.md describes it.
#include <format>

#include "backend/webgpu/recording.h"
#include "base/base64.h"

namespace ipfs_accelerate::webgpu {
namespace {

constexpr std::string_view kKindNames[] = {"weight", "activation", "input", "output", "uniform", "constant", "state"};
constexpr std::string_view kBindingNames[] = {"read-only-storage", "storage", "uniform"};

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += c == '\n' ? "\\n" : std::format("\\u{:04x}", int(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// The texts of `items`, joined to a JSON array.
template <class Items, class Text>
std::string array(const Items& items, Text text) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += text(item);
  }
  return out + ']';
}

std::string buffer_json(const BufferSpec& buffer) {
  std::string out = std::format("{{\"kind\":\"{}\",\"bytes\":{}", kKindNames[int(buffer.kind)], buffer.bytes);
  if (buffer.index >= 0) {
    out += std::format(",\"index\":{},\"dtype\":\"{}\",\"elements\":{}", buffer.index, wgsl_name(buffer.dtype),
                       buffer.elements);
  }
  if (!buffer.data.empty()) out += ",\"data\":\"" + base64(buffer.data) + '"';
  return out + '}';
}

std::string pipeline_json(const PipelineSpec& pipeline) {
  return std::format(
      "{{\"label\":{},\"wgsl\":{},\"bindings\":{}}}", quote(pipeline.label), quote(pipeline.wgsl),
      array(pipeline.binding_types, [](BindingType type) { return std::format("\"{}\"", kBindingNames[int(type)]); }));
}

std::string dispatch_json(const DispatchSpec& dispatch) {
  const std::string bindings = array(dispatch.bindings, [](const BindingSpec& binding) {
    return std::format("[{},{},{}]", binding.buffer, binding.offset, binding.bytes);
  });
  const auto& groups = dispatch.workgroups;
  return std::format("{{\"pipeline\":{},\"bindings\":{},\"workgroups\":[{},{},{}],\"label\":{}}}", dispatch.pipeline,
                     bindings, groups[0], groups[1], groups[2], quote(dispatch.label));
}

}  // namespace

std::string to_json(const Recording& recording) {
  return std::format(
      "{{\"version\":1,\"buffers\":{},\"pipelines\":{},\"dispatches\":{},\"optimizations\":{},\"readback_bytes\":{},"
      "\"activation_bytes\":{}}}",
      array(recording.buffers, buffer_json), array(recording.pipelines, pipeline_json),
      array(recording.dispatches, dispatch_json), array(recording.optimizations, quote), recording.readback_bytes,
      recording.activation_bytes);
}

}  // namespace ipfs_accelerate::webgpu
