// The little of Protocol Buffers that dag-pb and UnixFS use, read strictly.
#pragma once

#include <optional>

#include "content/varint.h"

namespace ipfs_accelerate::content {

enum class WireType : std::uint8_t { kVarint = 0, kBytes = 2, kFixed32 = 5 };

struct ProtoField {
  std::uint64_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t value = 0;  ///< kVarint, kFixed32
  ByteView bytes{};         ///< kBytes; points into the message
};

/// Reads one field after another. kMalformedBlock for other wire types, cut-off fields and lengths past the end.
class ProtoReader {
 public:
  explicit ProtoReader(ByteView message) : rest_(message) {}
  /// Nothing at the end of the message.
  Result<std::optional<ProtoField>> next();

 private:
  Result<std::uint64_t> varint();
  ByteView rest_;
};

void put_varint_field(Bytes& out, int number, std::uint64_t value);
void put_bytes_field(Bytes& out, int number, ByteView bytes);

}  // namespace ipfs_accelerate::content
