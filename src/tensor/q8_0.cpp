// Dequantizing Q8_0. Layout: ggml's block_q8_0 (GGUF specification): f16 scale, little-endian, then 32 int8.
#include "tensor/q8_0.h"

#include "tensor/format.h"

namespace ipfs_accelerate {
namespace {

constexpr std::size_t kElements = 32, kBytes = 34;

std::uint16_t scale_bits(const std::uint8_t* block) { return std::uint16_t(block[0] | block[1] << 8); }

}  // namespace

void widen_q8_0(ByteView bytes, std::span<float> out) {
  for (std::size_t block = 0; block < bytes.size() / kBytes; ++block) {
    const std::uint8_t* const from = bytes.data() + block * kBytes;
    const float scale = f16_to_f32(scale_bits(from));
    for (std::size_t i = 0; i < kElements; ++i) {
      out[block * kElements + i] = scale * static_cast<float>(static_cast<std::int8_t>(from[2 + i]));
    }
  }
}

std::size_t find_non_finite_q8_0(ByteView bytes) {
  for (std::size_t block = 0; block < bytes.size() / kBytes; ++block) {
    if ((scale_bits(bytes.data() + block * kBytes) & 0x7c00u) == 0x7c00u) return block * kElements;
  }
  return bytes.size() / kBytes * kElements;
}

}  // namespace ipfs_accelerate
