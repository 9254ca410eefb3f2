// Bytes: owned, looked at, kept by the host, or read from somewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
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

/// Bytes that the host keeps: natively memory or a map, in the page an ArrayBuffer outside this memory. They do not
/// change as long as the object lives.
class HostBytes {
 public:
  virtual ~HostBytes() = default;
  virtual std::uint64_t size() const = 0;
  /// Where they can be addressed; null in the page.
  virtual const std::uint8_t* data() const = 0;
  /// Copies [offset, offset + into.size()), which must lie inside.
  virtual void copy(std::uint64_t offset, std::span<std::uint8_t> into) const = 0;
  /// Where they lie, for messages: "file model.safetensors, offset 1048576"; empty when nobody could go and look.
  virtual std::string where() const { return {}; }
};
using HostBytesRef = std::shared_ptr<const HostBytes>;

/// Bytes of our own as HostBytes.
HostBytesRef own_bytes(Bytes bytes);

/// [offset, offset + length) of host bytes as a view: into the host's memory where it can be addressed, else into a
/// copy that this object owns.
class BytesView {
 public:
  BytesView() = default;
  BytesView(HostBytesRef bytes, std::uint64_t offset, std::uint64_t length);
  ByteView view() const { return view_; }

 private:
  HostBytesRef bytes_;
  Bytes copy_;
  ByteView view_;
};

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
