// Weights for devices: copied where the types agree, else widened and narrowed.
#include "backend/pack_weight.h"

#include <cstring>
#include <utility>

#include "tensor/format.h"

namespace ipfs_accelerate {
namespace {

void narrow(std::span<const float> wide, std::uint8_t* to) {
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const std::uint16_t bits = f32_to_f16(wide[i]);
    std::memcpy(to + i * 2, &bits, 2);
  }
}

Result<> pack_part(const Weight& weight, const WeightPart& part, Dtype dtype, std::size_t count, std::uint8_t* to) {
  if (part.dtype == dtype) {
    if (count > 0) std::memcpy(to, part.bytes.data(), part.bytes.size());
    return {};
  }
  std::vector<float> wide(count);
  if (auto widened = widen_to_f32(part.dtype, part.bytes, wide); !widened) {
    return while_doing(widened.error(), "reading weight {}", weight.name);
  }
  if (dtype == Dtype::kF16) {
    narrow(wide, to);
  } else if (count > 0) {
    std::memcpy(to, wide.data(), std::span(wide).size_bytes());
  }
  return {};
}

}  // namespace

Result<Bytes> pack_weight(const Weight& weight, std::span<const WeightPart> parts, Dtype dtype, std::size_t size) {
  IA_ASSIGN(const std::int64_t elements, element_count(weight.shape));
  const auto wanted = static_cast<std::size_t>(elements);
  if ((dtype != Dtype::kF32 && dtype != Dtype::kF16) || std::cmp_greater(byte_count(dtype, elements), size)) {
    return fail(ErrorCode::kInternal, "weight {} cannot be packed as {} into {} bytes", weight.name, dtype_name(dtype),
                size);
  }
  Bytes out(size);
  std::size_t done = 0;
  for (const WeightPart& part : parts) {
    IA_ASSIGN(const std::int64_t part_elements, element_count(part.shape));
    IA_ASSIGN(const std::int64_t bytes, byte_count(part.dtype, part.shape));
    const auto count = static_cast<std::size_t>(part_elements);
    if (done + count > wanted || std::cmp_not_equal(bytes, part.bytes.size())) {
      return fail(ErrorCode::kWrongShape, "weight {} has more or other elements than its shape {} says", weight.name,
                  shape_text(weight.shape));
    }
    IA_TRY(pack_part(weight, part, dtype, count, out.data() + byte_count(dtype, std::int64_t(done))));
    done += count;
  }
  if (done == wanted) return out;
  return fail(ErrorCode::kWrongShape, "weight {} has {} elements, its shape {} needs {}", weight.name, done,
              shape_text(weight.shape), wanted);
}

}  // namespace ipfs_accelerate
