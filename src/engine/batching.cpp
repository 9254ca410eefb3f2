// Batching: grouping by length, shape buckets, padding and cropping.
#include "engine/batching.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

namespace ipfs_accelerate {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step * step; }

/// 1, 2, 3, 4, 6, 8, 12, 16, 24 ...: at most a third is padding.
std::int64_t count_bucket(std::int64_t count) {
  std::int64_t power = 1;
  while (power < count) power *= 2;
  const std::int64_t three_quarters = power / 4 * 3;
  return three_quarters >= count && power >= 4 ? three_quarters : power;
}

Tensor pad_tokens(const Tensor& tensor, const ShapeClass& from, const ShapeClass& to, std::int32_t filler) {
  Tensor padded = Tensor::i32({to.batch, to.sequence});
  std::ranges::fill(padded.i32s(), filler);
  for (std::int64_t item = 0; item < from.batch; ++item) {
    std::ranges::copy(tensor.i32s().subspan(item * from.sequence, from.sequence),
                      padded.i32s().begin() + item * to.sequence);
  }
  return padded;
}

Tensor pad_rows(const Tensor& rows, const ShapeClass& from, const ShapeClass& to) {
  Tensor padded = Tensor::i32({to.rows});
  for (std::size_t i = 0; i < rows.i32s().size(); ++i) {
    const std::int64_t row = rows.i32s()[i];
    padded.i32s()[i] = static_cast<std::int32_t>(row / from.sequence * to.sequence + row % from.sequence);
  }
  return padded;
}

}  // namespace

std::vector<std::vector<std::size_t>> length_sorted_batches(const std::vector<Input>& inputs, std::size_t batch_size) {
  std::vector<std::size_t> order(inputs.size());
  std::iota(order.begin(), order.end(), 0);
  if (inputs.size() > batch_size) {  // one batch needs no order
    const auto length = [&](std::size_t i) {
      return inputs[i].text.size() + (inputs[i].pair ? inputs[i].pair->size() : 0);
    };
    std::ranges::stable_sort(order, std::greater<>{}, length);
  }
  std::vector<std::vector<std::size_t>> batches;
  for (std::size_t begin = 0; begin < order.size(); begin += batch_size) {
    const std::size_t end = std::min(order.size(), begin + batch_size);
    batches.emplace_back(order.begin() + begin, order.begin() + end);
  }
  return batches;
}

ShapeClass shape_bucket(const ShapeClass& shape, std::int64_t max_tokens) {
  const std::int64_t step = shape.sequence <= 64 ? 8 : shape.sequence <= 256 ? 16 : 64;
  const std::int64_t limit = std::max(max_tokens, shape.sequence);
  return {count_bucket(shape.batch), std::min(round_up(shape.sequence, step), limit), count_bucket(shape.rows)};
}

Result<> pad_batch(Batch& batch, const ShapeClass& to, const ModelFacts& facts) {
  const ShapeClass from = batch.shape;
  if (from == to) return {};
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
    const std::string& name = batch.input_names[i];
    Tensor& tensor = batch.inputs[i];
    const bool is_rows = name == "rows";
    const std::size_t expected = is_rows ? from.rows : from.batch * from.sequence;
    if (tensor.dtype != Dtype::kI32 || tensor.i32s().size() != expected) {
      return fail(ErrorCode::kInternal, "input {} has shape {}, which is not the batch's", name,
                  shape_text(tensor.shape));
    }
    if (is_rows) {
      tensor = pad_rows(tensor, from, to);
      continue;
    }
    const bool wants_pad_id =
        name == "input_ids" || (name == "position_ids" && facts.positions == PositionRule::kAfterPadId);
    tensor = pad_tokens(tensor, from, to, wants_pad_id ? static_cast<std::int32_t>(facts.pad_id) : 0);
    if (name == "attention_mask") {
      for (std::int64_t item = from.batch; item < to.batch; ++item) tensor.i32s()[item * to.sequence] = 1;
    }
  }
  batch.shape = to;
  return {};
}

Result<Tensor> crop_output(Tensor output, const std::vector<Dim>& dims, const ShapeClass& padded,
                           const ShapeClass& real) {
  if (padded == real) return output;
  const Shape from = bind(dims, padded), to = bind(dims, real);
  if (from == to) return output;
  IA_ASSIGN(const std::int64_t count, element_count(to));
  Tensor cropped{output.dtype, to, Bytes(count * dtype_size(output.dtype))};
  // Copies runs of the last dimension; outputs have at most four dimensions.
  const std::int64_t run = to.empty() ? 1 : to.back(), element = static_cast<std::int64_t>(dtype_size(output.dtype));
  for (std::int64_t line = 0; line < count / std::max<std::int64_t>(run, 1); ++line) {
    std::int64_t rest = line, source = 0, stride = from.back();
    for (std::size_t d = to.size() - 1; d-- > 0;) {
      source += rest % to[d] * stride;
      rest /= to[d];
      stride *= from[d];
    }
    std::memcpy(cropped.bytes.data() + line * run * element, output.bytes.data() + source * element, run * element);
  }
  return cropped;
}

}  // namespace ipfs_accelerate
