// Bytes and ByteSource: the two shapes in which data is handed between layers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ipfs_accelerate {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// A file's verified bytes, readable at any offset. A store's file, or bytes held in memory.
/// Whoever makes one promises that view() returns only bytes that were verified against a CID.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Bytes in all.
  virtual std::uint64_t size() const = 0;
  /// Bytes [offset, offset + length); valid as long as this object. kLimitExceeded past the end,
  /// kIntegrity where the bytes do not match their digest.
  virtual Result<ByteView> view(std::uint64_t offset, std::uint64_t length) = 0;
};

}  // namespace ipfs_accelerate
