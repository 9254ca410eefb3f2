// A kernel's shader text: features, constants and generated binding declarations in front of the expanded file.
#include <format>

#include "backend/webgpu/recorder.h"

namespace ipfs_accelerate::webgpu {

std::string_view wgsl_name(Dtype dtype) { return dtype == Dtype::kF16 ? "f16" : dtype == Dtype::kI32 ? "i32" : "f32"; }

namespace {

/// Replaces `word` where it stands alone as an identifier.
void replace_word(std::string& text, std::string_view word, std::string_view by) {
  const auto part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
    const bool alone =
        (at == 0 || !part(text[at - 1])) && (at + word.size() == text.size() || !part(text[at + word.size()]));
    if (alone) text.replace(at, word.size(), by);
    at += alone ? by.size() : word.size();
  }
}

}  // namespace

Kernel& Kernel::set(std::string name, std::int64_t value) {
  constants_ += std::format("const {} = {};\n", name, value);
  flags_[std::move(name)] = value;
  return *this;
}

Kernel& Kernel::set_float(std::string name, float value) {
  constants_ += std::format("const {}: f32 = f32({:.9e});\n", name, value);
  return *this;
}

Kernel& Kernel::alias(std::string name, std::string_view type) {
  constants_ += std::format("alias {} = {};\n", name, type);
  return *this;
}

Kernel& Kernel::count(std::string_view name, std::span<const Dim> dims) {
  std::string product;
  for (const Dim& dim : dims) {
    const std::string factor = dim.symbol ? "shape." + graph_.symbol(dim.symbol).name : std::format("{}u", dim.size);
    product += product.empty() ? factor : " * " + factor;
  }
  expressions_.emplace_back(name, product.empty() ? "1u" : product);
  return *this;
}

Kernel& Kernel::bind(std::string name, const Place& place, int lanes, BindingType type) {
  const std::string scalar(wgsl_name(place.dtype));
  const std::string element = lanes == 1 ? scalar : lanes == 8 ? "vec4<u32>" : std::format("vec{}<{}>", lanes, scalar);
  declarations_ += std::format("alias {0}_s = {1};\nalias {0}_t = {2};\n", name, scalar, element);
  declarations_ += std::format("@group(0) @binding({}) var<storage, {}> {}: array<{}>;\n", bindings_.size(),
                               type == BindingType::kStorage ? "read_write" : "read", name, element);
  flags_["HAS_" + name] = 1;
  if (place.dtype == Dtype::kF16) flags_["F16"] = 1;
  bindings_.push_back({place.buffer, 0, place.bytes});
  types_.push_back(type);
  return *this;
}

Kernel& Kernel::read(std::string name, const Place& place, int lanes) {
  return bind(std::move(name), place, lanes, BindingType::kReadOnlyStorage);
}

Kernel& Kernel::write(std::string name, const Place& place, int lanes) {
  return bind(std::move(name), place, lanes, BindingType::kStorage);
}

Kernel& Kernel::uniform(const Place& place) {
  std::string numbers;
  for (const Symbol& symbol : graph_.symbols) numbers += std::format("{}: u32, ", symbol.name);
  if (graph_.symbols.empty()) numbers = "none: u32";
  declarations_ += std::format("struct Shape {{ {} }}\n", numbers);
  declarations_ += std::format("@group(0) @binding({}) var<uniform> shape: Shape;\n", bindings_.size());
  bindings_.push_back({place.buffer, 0, place.bytes});
  types_.push_back(BindingType::kUniform);
  return *this;
}

Result<std::string> Kernel::text() const {
  const auto has = [&](std::string_view flag) {
    const auto found = flags_.find(flag);
    return found != flags_.end() && found->second != 0;
  };
  IA_ASSIGN(std::string body, expand_kernel(file_, flags_));
  for (const auto& [name, expression] : expressions_) replace_word(body, name, "(" + expression + ")");
  std::string enables;
  if (has("F16")) enables += "enable f16;\n";
  if (has("SUBGROUPS") && body.find("subgroup") != std::string::npos)
    enables += "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n";
  if (has("MATRIX"))
    enables += "enable chromium_experimental_subgroup_matrix;\ndiagnostic(off, chromium.subgroup_matrix_uniformity);\n";
  return enables + constants_ + declarations_ + body;
}

}  // namespace ipfs_accelerate::webgpu
