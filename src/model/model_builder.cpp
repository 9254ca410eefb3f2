// Finding and checking stored tensors; see model_builder.h.
#include "model/model_builder.h"

#include <array>

namespace ipfs_accelerate {
namespace {

/// The name that TensorFlow-born checkpoints use for a norm's tensor; empty when there is none.
std::string older_name(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kOlder{{
      {"LayerNorm.weight", "LayerNorm.gamma"},
      {"LayerNorm.bias", "LayerNorm.beta"},
  }};
  for (const auto& [now, older] : kOlder) {
    if (name.ends_with(now)) return name.substr(0, name.size() - now.size()) + std::string(older);
  }
  return {};
}

bool is_float(Dtype dtype) {
  return dtype == Dtype::kF32 || dtype == Dtype::kF16 || dtype == Dtype::kBF16 || dtype == Dtype::kF64;
}

}  // namespace

const TensorInfo* ModelBuilder::find(const std::string& name) const {
  for (const std::string& base : {name, older_name(name)}) {
    if (base.empty()) continue;
    for (const std::string& candidate : {prefix_ + base, base}) {
      if (const auto found = tensors_.find(candidate); found != tensors_.end()) return &found->second;
    }
  }
  return nullptr;
}

std::string ModelBuilder::check(const std::string& name, const Shape& shape) {
  const TensorInfo* info = find(name);
  if (!info) {
    const std::string bare = prefix_.empty() ? "" : std::format(" (nor '{}')", name);
    fail({ErrorCode::kMissingWeight, std::format("the model has no tensor '{}{}'{}; its shape would be {}", prefix_,
                                                 name, bare, shape_text(shape))});
  } else if (info->shape != shape) {
    fail({ErrorCode::kWrongShape, std::format("tensor '{}' has shape {}, the configuration says {}", info->name,
                                              shape_text(info->shape), shape_text(shape))});
  } else if (!is_float(info->dtype)) {
    fail({ErrorCode::kUnsupportedDtype, std::format("tensor '{}' has dtype {}; F32, F16, BF16 and F64 can be used",
                                                    info->name, dtype_name(info->dtype))});
  } else {
    return info->name;
  }
  return {};
}

WeightId ModelBuilder::stored(const std::string& name, Shape shape) {
  const std::string actual = check(name, shape);
  return actual.empty() ? kNoWeight : weight(actual, std::move(shape));
}

WeightId ModelBuilder::stored_stack(const std::vector<std::string>& names, Shape each, Stored stored) {
  std::vector<std::string> actual;
  const Shape in_file = stored == Stored::kTransposed ? Shape(each.rbegin(), each.rend()) : each;
  for (const std::string& name : names) {
    actual.push_back(check(name, in_file));
    if (actual.back().empty()) return kNoWeight;
  }
  each[0] *= static_cast<std::int64_t>(names.size());
  return stack(std::move(actual), std::move(each), stored);
}

WeightId ModelBuilder::reshaped(const std::string& name, const Shape& in_file, Shape shape) {
  const std::string actual = check(name, in_file);
  return actual.empty() ? kNoWeight : weight(actual, std::move(shape), Stored::kReshaped);
}

WeightId ModelBuilder::transposed(const std::string& name, std::int64_t rows, std::int64_t columns) {
  return stored_stack({name}, {rows, columns}, Stored::kTransposed);
}

WeightId ModelBuilder::stored_rows(const std::vector<std::pair<std::string, std::int64_t>>& parts,
                                   std::int64_t columns) {
  std::vector<std::string> actual;
  std::int64_t all = 0;
  for (const auto& [name, rows] : parts) {
    actual.push_back(check(name, {rows, columns}));
    if (actual.back().empty()) return kNoWeight;
    all += rows;
  }
  return stack(std::move(actual), {all, columns});
}

ValueId ModelBuilder::linear(const std::string& node, ValueId x, const std::string& base, std::int64_t rows,
                             std::int64_t columns, Activation activation, ValueId residual) {
  const WeightId weight = stored(base + ".weight", {rows, columns}), bias = stored(base + ".bias", {rows});
  return add(node, op::Linear{.x = x, .residual = residual, .weight = weight, .bias = bias, .activation = activation});
}

ValueId ModelBuilder::layer_norm(const std::string& node, ValueId x, const std::string& base, std::int64_t columns,
                                 float epsilon) {
  const WeightId gamma = stored(base + ".weight", {columns}), beta = stored(base + ".bias", {columns});
  return add(node, op::LayerNorm{.x = x, .gamma = gamma, .beta = beta, .epsilon = epsilon});
}

}  // namespace ipfs_accelerate
