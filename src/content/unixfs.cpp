// UnixFS: the message inside dag-pb Data, and what must hold between it and the links.
#include "content/unixfs.h"

#include <algorithm>
#include <bit>

#include "content/protobuf.h"

namespace ipfs_accelerate::content {
namespace {

enum Field { kType = 1, kData, kFileSize, kBlockSizes, kHashType, kFanout, kMode, kMtime };

// The message as it stands, before anything is known about the links.
struct Message {
  std::optional<std::uint64_t> type, file_size, hash_type, fanout;
  std::optional<ByteView> data;
  std::vector<std::uint64_t> block_sizes;
};

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kMalformedBlock, "UnixFS node: {}", what);
}

template <class T>
Result<> set_once(std::optional<T>& slot, T value, const ProtoField& field, WireType type) {
  if (field.type != type) return fail(ErrorCode::kMalformedBlock, "UnixFS field {} has wrong wire type", field.number);
  if (slot) return fail(ErrorCode::kMalformedBlock, "UnixFS field {} stands twice", field.number);
  slot = value;
  return {};
}

// One by one as everybody writes them, or packed.
Result<> add_block_sizes(Message& message, const ProtoField& field) {
  if (field.type == WireType::kVarint) {
    message.block_sizes.push_back(field.value);
    return {};
  }
  if (field.type != WireType::kBytes) return malformed("blocksizes have wrong wire type");
  for (ByteView rest = field.bytes; !rest.empty();) {
    std::size_t used = 0;
    IA_ASSIGN(const std::uint64_t size, read_varint(rest, used));
    message.block_sizes.push_back(size);
    rest = rest.subspan(used);
  }
  return {};
}

// Time is read only to refuse what breaks the specification.
Result<> check_mtime(const ProtoField& field) {
  if (field.type != WireType::kBytes) return malformed("mtime has wrong wire type");
  bool seconds = false;
  ProtoReader reader(field.bytes);
  while (true) {
    IA_ASSIGN(const auto part, reader.next());
    if (!part) return seconds ? Result<>{} : malformed("mtime without seconds");
    if (part->number == 1 && part->type == WireType::kVarint) {
      seconds = true;
    } else if (part->number == 2 && part->type == WireType::kFixed32) {
      if (part->value < 1 || part->value > 999'999'999) return malformed("mtime nanoseconds out of range");
    } else {
      return malformed("mtime has an unknown field");
    }
  }
}

Result<> add_field(Message& message, const ProtoField& field) {
  switch (field.number) {
    case kType: return set_once(message.type, field.value, field, WireType::kVarint);
    case kData: return set_once(message.data, field.bytes, field, WireType::kBytes);
    case kFileSize: return set_once(message.file_size, field.value, field, WireType::kVarint);
    case kBlockSizes: return add_block_sizes(message, field);
    case kHashType: return set_once(message.hash_type, field.value, field, WireType::kVarint);
    case kFanout: return set_once(message.fanout, field.value, field, WireType::kVarint);
    case kMode: return field.type == WireType::kVarint ? Result<>{} : malformed("mode has wrong wire type");
    case kMtime: return check_mtime(field);
    default: return fail(ErrorCode::kMalformedBlock, "UnixFS node: unknown field {}", field.number);
  }
}

Result<Message> decode_message(ByteView bytes) {
  Message message;
  ProtoReader reader(bytes);
  while (true) {
    IA_ASSIGN(const auto field, reader.next());
    if (!field) break;
    IA_TRY(add_field(message, *field));
  }
  if (!message.type) return malformed("no type");
  if (*message.type > static_cast<std::uint64_t>(UnixFsType::kHamtShard)) {
    return fail(ErrorCode::kMalformedBlock, "UnixFS node: type {} is not known", *message.type);
  }
  return message;
}

Result<> check_file(const UnixFsNode& node) {
  if (node.block_sizes.size() != node.links.size()) {
    return fail(ErrorCode::kMalformedBlock, "UnixFS file has {} links and {} blocksizes", node.links.size(),
                node.block_sizes.size());
  }
  std::uint64_t sum = node.data.size();
  for (const std::uint64_t size : node.block_sizes) {
    if (__builtin_add_overflow(sum, size, &sum)) return malformed("blocksizes add up past 64 bits");
  }
  if (sum != node.file_size) {
    return fail(ErrorCode::kMalformedBlock, "UnixFS file says {} bytes, its parts add up to {}", node.file_size, sum);
  }
  if (std::ranges::any_of(node.links, [](const Link& link) { return !link.name.empty(); })) {
    return malformed("a link inside a file has a name");
  }
  return {};
}

Result<> check_hamt(const UnixFsNode& node, std::optional<std::uint64_t> hash_type) {
  if (hash_type != kMurmur3) return malformed("HAMT with a hash other than murmur3-x64-64");
  if (!std::has_single_bit(node.fanout) || node.fanout % 8 != 0 || node.fanout > kMaxFanout) {
    return fail(ErrorCode::kMalformedBlock, "HAMT fan-out {} is no power of two from 8 to {}", node.fanout, kMaxFanout);
  }
  if (node.data.size() > node.fanout / 8) return malformed("HAMT bitfield is longer than its fan-out");
  std::size_t bits = 0;
  for (const std::uint8_t byte : node.data) bits += std::popcount(byte);
  if (bits != node.links.size()) {
    return fail(ErrorCode::kMalformedBlock, "HAMT bitfield has {} bits set for {} links", bits, node.links.size());
  }
  return {};
}

Result<> check_node(const UnixFsNode& node, std::optional<std::uint64_t> hash_type) {
  switch (node.type) {
    case UnixFsType::kRaw:
    case UnixFsType::kFile: return check_file(node);
    case UnixFsType::kHamtShard: return check_hamt(node, hash_type);
    case UnixFsType::kSymlink: return node.links.empty() ? Result<>{} : malformed("symlink with links");
    case UnixFsType::kDirectory: return {};
    case UnixFsType::kMetadata: return malformed("type Metadata is reserved");
  }
  return {};
}

UnixFsNode raw_file(ByteView bytes) {
  return {.type = UnixFsType::kFile, .data = Bytes(bytes.begin(), bytes.end()), .file_size = bytes.size()};
}

}  // namespace

Result<UnixFsNode> decode_unixfs(const VerifiedBlock& block) {
  if (block.cid().codec == Codec::kRaw) return raw_file(block.bytes());
  if (block.cid().codec != Codec::kDagPb) {
    return fail(ErrorCode::kUnsupportedCodec, "{} has codec {:#x}; files and folders are raw or dag-pb",
                block.cid().text(), static_cast<std::uint64_t>(block.cid().codec));
  }
  IA_ASSIGN(DagPbNode outer, decode_dag_pb(block.bytes()));
  if (!outer.data) return malformed("dag-pb block without Data");
  IA_ASSIGN(const Message message, decode_message(*outer.data));
  UnixFsNode node;
  node.type = static_cast<UnixFsType>(*message.type);
  if (message.data) node.data.assign(message.data->begin(), message.data->end());
  node.file_size = message.file_size.value_or(0);
  node.block_sizes = message.block_sizes;
  node.fanout = message.fanout.value_or(0);
  node.links = std::move(outer.links);
  IA_TRY(check_node(node, message.hash_type));
  return node;
}

Bytes encode_unixfs(const UnixFsNode& node) {
  Bytes message;
  const bool is_file = node.type == UnixFsType::kFile || node.type == UnixFsType::kRaw;
  const bool is_hamt = node.type == UnixFsType::kHamtShard;
  put_varint_field(message, kType, static_cast<std::uint64_t>(node.type));
  if (!node.data.empty()) put_bytes_field(message, kData, node.data);
  if (is_file) put_varint_field(message, kFileSize, node.file_size);
  for (const std::uint64_t size : node.block_sizes) put_varint_field(message, kBlockSizes, size);
  if (is_hamt) {
    put_varint_field(message, kHashType, kMurmur3);
    put_varint_field(message, kFanout, node.fanout);
  }
  return encode_dag_pb({node.links, std::move(message)});
}

}  // namespace ipfs_accelerate::content
