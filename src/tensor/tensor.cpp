// Dtype names and sizes, shape arithmetic, and tensors of zeros.
#include "tensor/tensor.h"

#include <algorithm>
#include <array>

namespace ipfs_accelerate {
namespace {

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array kDtypes{
    DtypeRow{Dtype::kF32, "F32", 4},   DtypeRow{Dtype::kF16, "F16", 2}, DtypeRow{Dtype::kBF16, "BF16", 2},
    DtypeRow{Dtype::kF64, "F64", 8},   DtypeRow{Dtype::kI64, "I64", 8}, DtypeRow{Dtype::kI32, "I32", 4},
    DtypeRow{Dtype::kI16, "I16", 2},   DtypeRow{Dtype::kI8, "I8", 1},   DtypeRow{Dtype::kU8, "U8", 1},
    DtypeRow{Dtype::kBool, "BOOL", 1},
};
constexpr std::int64_t kMaxElements = std::int64_t{1} << 48;

constexpr const DtypeRow& row_of(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)]; }

constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < kDtypes.size(); ++i) {
    if (static_cast<std::size_t>(kDtypes[i].dtype) != i) return false;
  }
  return true;
}
static_assert(table_is_in_order());

Tensor zeros(Dtype dtype, Shape shape) {
  std::size_t count = 1;
  for (std::int64_t size : shape) count *= static_cast<std::size_t>(size);
  return {dtype, std::move(shape), Bytes(count * dtype_size(dtype))};
}

}  // namespace

std::size_t dtype_size(Dtype dtype) { return row_of(dtype).size; }
std::string_view dtype_name(Dtype dtype) { return row_of(dtype).name; }

Result<Dtype> dtype_from_name(std::string_view name) {
  auto row = std::ranges::find(kDtypes, name, &DtypeRow::name);
  if (row != kDtypes.end()) return row->dtype;
  return fail(ErrorCode::kUnsupportedDtype,
              "dtype '{}' is not known; known are F32 F16 BF16 F64 I64 I32 I16 I8 U8 BOOL", name);
}

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
