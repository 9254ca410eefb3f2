// Conversions between float formats, and the search for NaN and infinity.
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "tensor/format.h"
#include "tensor/q8_0.h"

namespace ipfs_accelerate {
namespace {

template <class T>
T read_element(ByteView bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

/// Index of the first element whose exponent bits are all set, or `count`. Branch-free inside a block, for speed.
template <class Bits>
std::size_t find_non_finite(ByteView bytes, std::size_t count, Bits exponent) {
  constexpr std::size_t kBlock = 4096;
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = std::min(count, begin + kBlock);
    bool bad = false;
    for (std::size_t i = begin; i < end; ++i) bad |= (read_element<Bits>(bytes, i) & exponent) == exponent;
    for (std::size_t i = begin; bad && i < end; ++i) {
      if ((read_element<Bits>(bytes, i) & exponent) == exponent) return i;
    }
  }
  return count;
}

}  // namespace

float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fu;
  const std::uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

std::uint16_t f32_to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;   // NaN
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {                        // below 2^-14: subnormal; adding 0.5 rounds to units of 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u);
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);  // nearest, ties to even
  return sign | static_cast<std::uint16_t>((rounded - 0x38000000u) >> 13);
}

float bf16_to_f32(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

Result<> widen_to_f32(Dtype dtype, ByteView bytes, std::span<float> out) {
  const Format& format = format_of(dtype);
  const auto elements = static_cast<std::int64_t>(out.size());
  if (elements % format.block_elements != 0 || std::cmp_not_equal(bytes.size(), byte_count(dtype, elements))) {
    return fail(ErrorCode::kInternal, "{} bytes of {} do not widen to {} floats", bytes.size(), dtype_name(dtype),
                out.size());
  }
  switch (dtype) {
    case Dtype::kF32:
      if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
      return {};
    case Dtype::kF16:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = f16_to_f32(read_element<std::uint16_t>(bytes, i));
      return {};
    case Dtype::kBF16:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = bf16_to_f32(read_element<std::uint16_t>(bytes, i));
      return {};
    case Dtype::kF64:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(read_element<double>(bytes, i));
      return {};
    case Dtype::kQ8_0: widen_q8_0(bytes, out); return {};
    default:
      return fail(ErrorCode::kUnsupportedDtype, "a weight has dtype {}; {} can be used", format.name,
                  widening_formats());
  }
}

Result<> check_finite(std::string_view name, Dtype dtype, ByteView bytes) {
  const Format& format = format_of(dtype);
  const auto count =
      bytes.size() / static_cast<std::size_t>(format.block_bytes) * static_cast<std::size_t>(format.block_elements);
  std::size_t found = count;
  switch (dtype) {
    case Dtype::kF32: found = find_non_finite<std::uint32_t>(bytes, count, 0x7f800000u); break;
    case Dtype::kF16: found = find_non_finite<std::uint16_t>(bytes, count, 0x7c00u); break;
    case Dtype::kBF16: found = find_non_finite<std::uint16_t>(bytes, count, 0x7f80u); break;
    case Dtype::kF64: found = find_non_finite<std::uint64_t>(bytes, count, 0x7ff0000000000000u); break;
    case Dtype::kQ8_0: found = find_non_finite_q8_0(bytes); break;
    default: return {};
  }
  if (found == count) return {};
  return fail(ErrorCode::kNotFinite, "tensor '{}' holds NaN or infinity at element {} of {}", name, found, count);
}

}  // namespace ipfs_accelerate
