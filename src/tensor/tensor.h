// Dtypes, shapes and tensors in host memory.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ipfs_accelerate {

/// In what elements are stored. kQ8_0 is a quantized format, whose elements lie in blocks (tensor/format.h).
enum class Dtype : std::uint8_t { kF32, kF16, kBF16, kF64, kI64, kI32, kI16, kI8, kU8, kBool, kQ8_0 };

/// The safetensors name: "F32", "BF16", "I64", "BOOL" ...; of quantized formats GGUF's: "Q8_0".
std::string_view dtype_name(Dtype dtype);
/// Of plain formats, which safetensors has; kUnsupportedDtype names what is known.
Result<Dtype> dtype_from_name(std::string_view name);

/// Dimensions, outermost first; row-major, contiguous. A scalar has none.
using Shape = std::vector<std::int64_t>;

/// Product of the dimensions; kLimitExceeded when negative or beyond 2^48.
Result<std::int64_t> element_count(const Shape& shape);
std::string shape_text(const Shape& shape);  ///< "[2, 3]"

/// Name, dtype and shape of a stored tensor. Where its bytes lie is the weights layer's business.
struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::kF32;
  Shape shape;
};
/// Every tensor a model folder holds, by name.
using TensorTable = std::map<std::string, TensorInfo, std::less<>>;

/// A tensor that owns its bytes (64-byte aligned start is not promised).
struct Tensor {
  Dtype dtype = Dtype::kF32;
  Shape shape;
  Bytes bytes;

  static Tensor f32(Shape shape);  ///< zeros
  static Tensor i32(Shape shape);  ///< zeros
  std::span<float> f32s() { return {reinterpret_cast<float*>(bytes.data()), bytes.size() / 4}; }
  std::span<const float> f32s() const { return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / 4}; }
  std::span<std::int32_t> i32s() { return {reinterpret_cast<std::int32_t*>(bytes.data()), bytes.size() / 4}; }
  std::span<const std::int32_t> i32s() const {
    return {reinterpret_cast<const std::int32_t*>(bytes.data()), bytes.size() / 4};
  }
};

/// Widens elements to float where the format allows it (Format::widens). `out` has one float per element.
Result<> widen_to_f32(Dtype dtype, ByteView bytes, std::span<float> out);
float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);  ///< round to nearest even; overflow becomes infinity
float bf16_to_f32(std::uint16_t bits);

/// A row-major matrix [rows, columns] as [columns, rows]; kInvalidArgument when the bytes are not so many elements,
/// kUnsupportedDtype when elements lie in blocks, which run along rows.
Result<Bytes> transposed(Dtype dtype, ByteView bytes, std::int64_t rows, std::int64_t columns);

/// kNotFinite when a floating element is NaN or infinite; the message has `name` and the element's index.
Result<> check_finite(std::string_view name, Dtype dtype, ByteView bytes);

}  // namespace ipfs_accelerate
