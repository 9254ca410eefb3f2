// SHA-256 and SHA-512 share one structure; Traits hold what differs.
#include "content/sha2.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace ipfs_accelerate::content {
namespace {

struct Traits256 {
  using Word = std::uint32_t;
  static constexpr int kRounds = 64;
  static constexpr std::array<Word, 8> kStart{
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  };
  // Fractional parts of the cube roots of the first primes.
  static constexpr std::array<Word, 64> kConstants{
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  };
  static constexpr std::array<int, 3> kBig0{2, 13, 22}, kBig1{6, 11, 25}, kSmall0{7, 18, 3}, kSmall1{17, 19, 10};
};

struct Traits512 {
  using Word = std::uint64_t;
  static constexpr int kRounds = 80;
  static constexpr std::array<Word, 8> kStart{
      0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
      0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
  };
  static constexpr std::array<Word, 80> kConstants{
      0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538,
      0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe,
      0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2, 0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
      0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
      0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5, 0x983e5152ee66dfab,
      0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
      0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed,
      0x53380d139d95b3df, 0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
      0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
      0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8, 0x19a4c116b8d2d0c8, 0x1e376c085141ab53,
      0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373,
      0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
      0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c,
      0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6,
      0x113f9804bef90dae, 0x1b710b35131c471b, 0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
      0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
  };
  static constexpr std::array<int, 3> kBig0{28, 34, 39}, kBig1{14, 18, 41}, kSmall0{1, 8, 7}, kSmall1{19, 61, 6};
};

template <class Traits>
class Sha2 {
 public:
  using Word = typename Traits::Word;
  static constexpr std::size_t kBlock = 16 * sizeof(Word);

  void update(ByteView bytes) {
    total_ += bytes.size();
    if (held_ > 0) {
      const std::size_t take = std::min(kBlock - held_, bytes.size());
      std::copy_n(bytes.begin(), take, buffer_.begin() + held_);
      held_ += take;
      bytes = bytes.subspan(take);
      if (held_ < kBlock) return;
      compress(buffer_.data());
      held_ = 0;
    }
    for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) compress(bytes.data());
    std::ranges::copy(bytes, buffer_.begin());
    held_ = bytes.size();
  }

  auto finish() {
    const std::uint64_t bits = total_ * 8;
    const std::uint8_t one = 0x80, zero = 0;
    update({&one, 1});
    while (held_ != kBlock - 2 * sizeof(Word)) update({&zero, 1});
    while (held_ != kBlock - 8) update({&zero, 1});  // a length above 2^64 bits cannot happen here
    std::array<std::uint8_t, 8> length;
    for (int i = 0; i < 8; ++i) length[i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
    update(length);
    std::array<std::uint8_t, 8 * sizeof(Word)> digest;
    for (std::size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<std::uint8_t>(state_[i / sizeof(Word)] >> (8 * (sizeof(Word) - 1 - i % sizeof(Word))));
    }
    return digest;
  }

 private:
  static Word big(Word x, const std::array<int, 3>& r) {
    return std::rotr(x, r[0]) ^ std::rotr(x, r[1]) ^ std::rotr(x, r[2]);
  }
  static Word small(Word x, const std::array<int, 3>& r) {
    return std::rotr(x, r[0]) ^ std::rotr(x, r[1]) ^ (x >> r[2]);
  }

  void compress(const std::uint8_t* block) {
    std::array<Word, Traits::kRounds> w;
    for (int i = 0; i < 16; ++i) {
      Word word;
      std::memcpy(&word, block + i * sizeof(Word), sizeof(Word));
      w[i] = std::endian::native == std::endian::little ? std::byteswap(word) : word;
    }
    for (int i = 16; i < Traits::kRounds; ++i) {
      w[i] = small(w[i - 2], Traits::kSmall1) + w[i - 7] + small(w[i - 15], Traits::kSmall0) + w[i - 16];
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (int i = 0; i < Traits::kRounds; ++i) {
      const Word t1 = h + big(e, Traits::kBig1) + ((e & f) ^ (~e & g)) + Traits::kConstants[i] + w[i];
      const Word t2 = big(a, Traits::kBig0) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const std::array<Word, 8> add{a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; ++i) state_[i] += add[i];
  }

  std::array<Word, 8> state_ = Traits::kStart;
  std::array<std::uint8_t, kBlock> buffer_{};
  std::size_t held_ = 0;
  std::uint64_t total_ = 0;
};

template <class Traits>
auto digest_of(std::span<const ByteView> parts) {
  Sha2<Traits> sha;
  for (const ByteView part : parts) sha.update(part);
  return sha.finish();
}

}  // namespace

std::array<std::uint8_t, 32> portable_sha256(std::span<const ByteView> parts) { return digest_of<Traits256>(parts); }
std::array<std::uint8_t, 64> portable_sha512(std::span<const ByteView> parts) { return digest_of<Traits512>(parts); }

}  // namespace ipfs_accelerate::content
