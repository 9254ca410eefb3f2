// Shape arithmetic, and tensors of zeros.
#include "tensor/tensor.h"

#include "tensor/format.h"

namespace ipfs_accelerate {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 48;

Tensor zeros(Dtype dtype, Shape shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return {dtype, std::move(shape), Bytes(static_cast<std::size_t>(byte_count(dtype, count)))};
}

}  // namespace

Result<std::int64_t> element_count(const Shape& shape) {
  std::int64_t count = 1;
  bool empty = false;
  for (std::int64_t size : shape) {
    if (size < 0) return fail(ErrorCode::kLimitExceeded, "shape {} has a negative dimension", shape_text(shape));
    if (size == 0) {
      empty = true;
    } else if (size > kMaxElements / count) {
      return fail(ErrorCode::kLimitExceeded, "shape {} has more than 2^48 elements", shape_text(shape));
    } else {
      count *= size;
    }
  }
  return empty ? 0 : count;
}

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

Tensor Tensor::f32(Shape shape) { return zeros(Dtype::kF32, std::move(shape)); }
Tensor Tensor::i32(Shape shape) { return zeros(Dtype::kI32, std::move(shape)); }

}  // namespace ipfs_accelerate
