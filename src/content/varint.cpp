// Reading and writing unsigned varints.
#include "content/varint.h"

namespace ipfs_accelerate::content {

void put_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value) | 0x80);
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

Result<std::uint64_t> read_varint(ByteView bytes, std::size_t& used) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const std::uint64_t bits = bytes[i] & 0x7f;
    if (i == 9 && bits > 1) break;
    value |= bits << (7 * i);
    if (bytes[i] & 0x80) continue;
    if (i > 0 && bits == 0) return fail(ErrorCode::kMalformedBlock, "varint is not in its shortest form");
    used = i + 1;
    return value;
  }
  if (bytes.size() < 10) return fail(ErrorCode::kMalformedBlock, "varint is cut off after {} bytes", bytes.size());
  return fail(ErrorCode::kMalformedBlock, "varint is longer than 64 bits");
}

}  // namespace ipfs_accelerate::content
