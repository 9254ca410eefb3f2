// Batching: grouping by length, shape buckets, padding and cropping.
#include "engine/batching.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

namespace ipfs_accelerate {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step * step; }

/// 1, 2, 3, 4, 6, 8, 12, 16, 24 ...: at most a third is growth.
std::int64_t count_bucket(std::int64_t count) {
  std::int64_t power = 1;
  while (power < count) power *= 2;
  const std::int64_t three_quarters = power / 4 * 3;
  return three_quarters >= count && power >= 4 ? three_quarters : power;
}

std::int64_t length_bucket(std::int64_t length, std::int64_t limit) {
  const std::int64_t rounded = round_up(length, length <= 64 ? 8 : length <= 256 ? 16 : 64);
  return limit == 0 ? rounded : std::min(rounded, std::max(limit, length));
}

/// What decides how long a content takes, where contents of a kind differ.
struct Length {
  std::size_t operator()(const Text& one) const { return one.text.size(); }
  std::size_t operator()(const TextPair& two) const { return two.text.size() + two.pair.size(); }
  std::size_t operator()(const Messages& all) const {
    std::size_t size = 0;
    for (const Message& one : all.messages) size += one.content.size();
    return size;
  }
  std::size_t operator()(const Samples& sound) const { return sound.values.size(); }
  std::size_t operator()(const auto&) const { return 0; }
};
constexpr Length kLength;
std::int64_t bucket_of(const Symbol& symbol, std::int64_t number) {
  switch (symbol.bucket) {
    case Bucket::kCount: return count_bucket(number);
    case Bucket::kNewTokens: return number == 1 ? 1 : length_bucket(number, symbol.limit);
    case Bucket::kLength: return length_bucket(number, symbol.limit);
    case Bucket::kExact: return number;
  }
  return number;
}

/// Where in a value of shape `in` the element is that has number `at` in one of shape `of`.
std::int64_t moved(std::int64_t at, const Shape& of, const Shape& in) {
  std::int64_t place = 0, stride = 1;
  for (std::size_t d = of.size(); d-- > 0; stride *= in[d]) {
    place += at % of[d] * stride;
    at /= of[d];
  }
  return place;
}

Tensor empty_like(const Tensor& tensor, const Shape& shape) {
  return tensor.dtype == Dtype::kI32 ? Tensor::i32(shape) : Tensor::f32(shape);
}

/// What both shapes have of a tensor; its numbers are of 4 bytes, whatever they mean.
void copy_common(const Tensor& from, Tensor& to) {
  Shape common = from.shape;
  for (std::size_t d = 0; d < common.size(); ++d) common[d] = std::min(common[d], to.shape[d]);
  const std::int64_t run = common.empty() ? 1 : common.back();
  std::int64_t count = 1;
  for (const std::int64_t size : common) count *= size;
  for (std::int64_t at = 0; at < count; at += run) {
    const auto source = from.i32s().subspan(static_cast<std::size_t>(moved(at, common, from.shape)));
    std::ranges::copy_n(source.begin(), run, to.i32s().begin() + moved(at, common, to.shape));
  }
}

/// Fills what `padded` has beyond `real`, both of the shape class's dimensions.
Tensor padded_input(const Tensor& real, const Shape& to, const Growth& growth) {
  Tensor padded = empty_like(real, to);
  std::ranges::fill(padded.i32s(), growth.filler);
  copy_common(real, padded);
  const std::int64_t each = static_cast<std::int64_t>(padded.i32s().size()) / std::max<std::int64_t>(to[0], 1);
  for (std::int64_t entry = real.shape[0]; entry < to[0] && growth.first != 0; ++entry) {
    padded.i32s()[static_cast<std::size_t>(entry * each)] = growth.first;
  }
  return padded;
}

/// Rows as a tensor of this shape; what they lack is the filler.
Result<Tensor> filled_rows(const Value& value, const Shape& shape, const Rows& rows) {
  const auto longer = [&](const auto& row) { return std::cmp_greater(row.size(), shape.at(1)); };
  if (value.dtype != Dtype::kI32 || shape.size() != 2 || std::cmp_not_equal(rows.size(), shape[0]) ||
      std::ranges::any_of(rows, longer)) {
    return fail(ErrorCode::kInternal, "{} rows do not fit input '{}' {}", rows.size(), value.name, shape_text(shape));
  }
  Tensor tensor = Tensor::i32(shape);
  std::ranges::fill(tensor.i32s(), value.growth.filler);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::ranges::copy(rows[i], tensor.i32s().begin() + static_cast<std::ptrdiff_t>(i) * shape[1]);
  }
  return tensor;
}

}  // namespace

std::vector<std::vector<std::size_t>> length_sorted_batches(const std::vector<Content>& inputs,
                                                            std::size_t batch_size) {
  std::vector<std::size_t> order(inputs.size());
  std::iota(order.begin(), order.end(), 0);
  if (inputs.size() > batch_size) {  // one batch needs no order
    std::ranges::stable_sort(order, std::greater<>{}, [&](std::size_t i) { return std::visit(kLength, inputs[i]); });
  }
  std::vector<std::vector<std::size_t>> batches;
  for (std::size_t begin = 0; begin < order.size(); begin += batch_size) {
    const std::size_t end = std::min(order.size(), begin + batch_size);
    batches.emplace_back(order.begin() + begin, order.begin() + end);
  }
  return batches;
}

Result<Batch> named_batch(const Graph& graph, std::vector<NamedTensor> tensors) {
  Batch batch;
  for (auto& [name, tensor] : tensors) {
    const auto same = [&](ValueId id) { return graph.value(id).name == name; };
    const auto input = std::ranges::find_if(graph.inputs, same);
    if (input == graph.inputs.end()) return fail(ErrorCode::kInvalidArgument, "the model has no input '{}'", name);
    const Value& value = graph.value(*input);
    if (tensor.dtype != value.dtype || tensor.shape.size() != value.dims.size()) {
      return fail(ErrorCode::kWrongShape, "'{}' is {} {}, the model takes {} {}", name, dtype_name(tensor.dtype),
                  shape_text(tensor.shape), dtype_name(value.dtype), graph.dims_text(value.dims));
    }
    for (std::size_t d = 0; d < value.dims.size(); ++d) {
      if (value.dims[d].symbol) batch.shape.set(graph.symbol(value.dims[d].symbol).name, tensor.shape[d]);
    }
    batch.add(name, std::move(tensor));
  }
  IA_TRY(graph.check(batch.shape));
  for (const ValueId id : graph.inputs) {  // the last tensor decided a symbol: the others must agree
    const std::string& name = graph.value(id).name;
    const Tensor* const found = batch.find(name);
    if (!found && graph.value(id).optional) {
      batch.shape.leave_out(name);
      continue;
    }
    if (!found) return fail(ErrorCode::kInvalidArgument, "the tensor '{}' is missing", name);
    const Shape& shape = found->shape;
    if (shape == graph.shape_of(id, batch.shape)) continue;
    return fail(ErrorCode::kWrongShape, "'{}' is {}, with the other tensors it must be {}", name, shape_text(shape),
                shape_text(graph.shape_of(id, batch.shape)));
  }
  return batch;
}

Result<Batch> fit_batch(const Graph& graph, Batch batch) {
  Batch fitted{batch.shape};
  for (const ValueId id : graph.inputs) {
    const std::string& name = graph.value(id).name;
    if (Tensor* const tensor = batch.find(name)) {
      fitted.add(name, std::move(*tensor));
    } else if (const Rows* const rows = batch.find_rows(name)) {
      IA_ASSIGN(Tensor filled, filled_rows(graph.value(id), graph.shape_of(id, batch.shape), *rows));
      fitted.add(name, std::move(filled));
    } else if (graph.value(id).optional) {
      fitted.shape.leave_out(name);
    } else {
      return fail(ErrorCode::kInternal, "no tensor for graph input '{}'", name);
    }
  }
  return fitted;
}

ShapeClass full_shape(const Graph& graph) {
  ShapeClass shape;
  for (const Symbol& symbol : graph.symbols) {
    if (!symbol.is_derived()) shape.set(symbol.name, std::max<std::int64_t>(symbol.limit, 1));
  }
  return shape;
}

ShapeClass shape_bucket(const Graph& graph, const ShapeClass& shape) {
  ShapeClass rounded;
  for (const Symbol& symbol : graph.symbols) {
    if (!symbol.is_derived()) rounded.set(symbol.name, bucket_of(symbol, shape.at(symbol.name)));
  }
  for (const std::string& input : shape.absent()) rounded.leave_out(input);
  return rounded;
}

Result<> pad_batch(Batch& batch, const Graph& graph, const ShapeClass& to) {
  for (auto& [name, tensor] : batch.inputs) {
    const ValueId id = graph.find(name);
    if (!id || tensor.shape != graph.shape_of(id, batch.shape)) {
      return fail(ErrorCode::kInternal, "input {} has shape {}, which is not the batch's", name,
                  shape_text(tensor.shape));
    }
    const Growth& growth = graph.value(id).growth;
    const Shape grown = graph.shape_of(id, to);
    if (!growth.places_in.empty()) {
      const Shape from = graph.bind(growth.places_in, batch.shape), in = graph.bind(growth.places_in, to);
      for (std::int32_t& place : tensor.i32s()) place = static_cast<std::int32_t>(moved(place, from, in));
    }
    if (tensor.shape != grown) tensor = padded_input(tensor, grown, growth);
  }
  batch.shape = to;
  return {};
}

Result<Tensor> crop_output(Tensor output, const Shape& to) {
  if (output.shape == to) return output;
  if (output.shape.size() != to.size()) {
    return fail(ErrorCode::kInternal, "an output of shape {} cannot become {}", shape_text(output.shape),
                shape_text(to));
  }
  Tensor cropped = empty_like(output, to);
  copy_common(output, cropped);
  return cropped;
}

}  // namespace ipfs_accelerate
