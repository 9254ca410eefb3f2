// Field by field reading and writing of protobuf messages.
#include "content/protobuf.h"

namespace ipfs_accelerate::content {

Result<std::uint64_t> ProtoReader::varint() {
  std::size_t used = 0;
  IA_ASSIGN(const std::uint64_t value, read_varint(rest_, used));
  rest_ = rest_.subspan(used);
  return value;
}

Result<std::optional<ProtoField>> ProtoReader::next() {
  if (rest_.empty()) return std::nullopt;
  IA_ASSIGN(const std::uint64_t tag, varint());
  ProtoField field{.number = tag >> 3, .type = static_cast<WireType>(tag & 7)};
  if (field.number == 0) return fail(ErrorCode::kMalformedBlock, "protobuf field number 0");
  if (field.type == WireType::kVarint) {
    IA_ASSIGN(field.value, varint());
    return field;
  }
  std::uint64_t length = 4;
  if (field.type == WireType::kBytes) {
    IA_ASSIGN(length, varint());
  } else if (field.type != WireType::kFixed32) {
    return fail(ErrorCode::kMalformedBlock, "protobuf field {} has wire type {}", field.number, tag & 7);
  }
  if (length > rest_.size()) {
    return fail(ErrorCode::kMalformedBlock, "protobuf field {} says {} bytes, {} are left", field.number, length,
                rest_.size());
  }
  field.bytes = rest_.first(length);
  rest_ = rest_.subspan(length);
  if (field.type == WireType::kFixed32) {
    for (int i = 3; i >= 0; --i) field.value = field.value << 8 | field.bytes[i];
  }
  return field;
}

void put_varint_field(Bytes& out, int number, std::uint64_t value) {
  put_varint(out, static_cast<std::uint64_t>(number) << 3);
  put_varint(out, value);
}

void put_bytes_field(Bytes& out, int number, ByteView bytes) {
  put_varint(out, static_cast<std::uint64_t>(number) << 3 | 2);
  put_varint(out, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace ipfs_accelerate::content
