// Stored weight bytes -> the content of a weight buffer.
#include <cstring>

#include "backend/webgpu/recording.h"

namespace ipfs_accelerate::webgpu {

Result<Bytes> pack_weight(const BufferSpec& buffer, const Weight& weight, std::span<const WeightPart> parts) {
  Bytes out(static_cast<std::size_t>(buffer.bytes));
  std::int64_t done = 0;
  const std::int64_t element = buffer.layout == Layout::kF16 ? 2 : 4;
  std::vector<float> wide;
  for (const WeightPart& part : parts) {
    IA_ASSIGN(const std::int64_t count, element_count(part.shape));
    if (done + count > buffer.elements || std::size_t(count) * dtype_size(part.dtype) != part.bytes.size()) {
      return fail(ErrorCode::kWrongShape, "weight {} has more or other elements than its shape {} says", weight.name,
                  shape_text(weight.shape));
    }
    std::uint8_t* to = out.data() + done * element;
    const bool same = (part.dtype == Dtype::kF32 && buffer.layout == Layout::kF32) ||
                      (part.dtype == Dtype::kF16 && buffer.layout == Layout::kF16);
    if (same) {
      if (count > 0) std::memcpy(to, part.bytes.data(), part.bytes.size());
    } else {
      wide.resize(std::size_t(count));
      if (auto widened = widen_to_f32(part.dtype, part.bytes, wide); !widened) {
        return while_doing(widened.error(), "reading weight {}", weight.name);
      }
      if (buffer.layout == Layout::kF32) {
        if (count > 0) std::memcpy(to, wide.data(), wide.size() * 4);
      } else {
        for (std::int64_t i = 0; i < count; ++i) {
          const std::uint16_t bits = f32_to_f16(wide[i]);
          std::memcpy(to + i * 2, &bits, 2);
        }
      }
    }
    done += count;
  }
  if (done != buffer.elements) {
    return fail(ErrorCode::kWrongShape, "weight {} has {} elements, its shape {} needs {}", weight.name, done,
                shape_text(weight.shape), buffer.elements);
  }
  return out;
}

}  // namespace ipfs_accelerate::webgpu
