// MurmurHash3_x64_128 after its public description; only the first half is kept.
#include "content/murmur3.h"

#include <bit>

namespace ipfs_accelerate::content {
namespace {

constexpr std::uint64_t kC1 = 0x87c37b91114253d5, kC2 = 0x4cf5ad432745937f;

std::uint64_t mix_final(std::uint64_t k) {
  k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd;
  k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53;
  return k ^ (k >> 33);
}
std::uint64_t mix1(std::uint64_t k) { return std::rotl(k * kC1, 31) * kC2; }
std::uint64_t mix2(std::uint64_t k) { return std::rotl(k * kC2, 33) * kC1; }

// Up to eight bytes, little endian.
std::uint64_t load(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 8; ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

}  // namespace

std::uint64_t murmur3_x64_64(ByteView bytes) {
  std::uint64_t h1 = 0, h2 = 0;
  ByteView rest = bytes;
  for (; rest.size() >= 16; rest = rest.subspan(16)) {
    h1 = (std::rotl(h1 ^ mix1(load(rest)), 27) + h2) * 5 + 0x52dce729;
    h2 = (std::rotl(h2 ^ mix2(load(rest.subspan(8))), 31) + h1) * 5 + 0x38495ab5;
  }
  if (rest.size() > 8) h2 ^= mix2(load(rest.subspan(8)));
  h1 ^= mix1(load(rest));
  h1 ^= bytes.size();
  h2 ^= bytes.size();
  h1 += h2;
  h2 += h1;
  h1 = mix_final(h1);
  h2 = mix_final(h2);
  return h1 + h2;
}

}  // namespace ipfs_accelerate::content
