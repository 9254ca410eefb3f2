// Formats: how many bytes a shape takes in each dtype. The one place that knows the size of an element.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/tensor.h"

namespace ipfs_accelerate {

/// Elements are stored in blocks: one element each in plain formats, several with their scale in quantized ones.
struct Format {
  Dtype dtype;
  std::string_view name;  ///< as safetensors or, for quantized ones, GGUF calls it
  std::int64_t block_elements;
  std::int64_t block_bytes;
  bool widens;  ///< widen_to_f32() reads it: weights may be stored so

  bool is_plain() const { return block_elements == 1; }
};
const Format& format_of(Dtype dtype);

/// "F32, F16, BF16, F64 and Q8_0": what weights may be stored in, for messages.
std::string widening_formats();

/// Bytes of so many elements in a row; the last block is stored whole. `elements` is not negative.
std::int64_t byte_count(Dtype dtype, std::int64_t elements);
/// Bytes of a tensor, each of whose rows is whole blocks. kLimitExceeded as element_count(); kWrongShape for other
/// rows.
Result<std::int64_t> byte_count(Dtype dtype, const Shape& shape);

}  // namespace ipfs_accelerate
