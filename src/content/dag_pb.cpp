// dag-pb: the outer message of UnixFS blocks.
#include "content/protobuf.h"
#include "content/unixfs.h"

namespace ipfs_accelerate::content {
namespace {

enum LinkField { kHash = 1, kName = 2, kTsize = 3 };
enum NodeField { kData = 1, kLinks = 2 };

Result<> check_type(const ProtoField& field, WireType type, std::string_view what) {
  if (field.type == type) return {};
  return fail(ErrorCode::kMalformedBlock, "dag-pb {} has wire type {}", what, static_cast<int>(field.type));
}

// Fields in order, each at most once, Hash always.
Result<Link> decode_link(ByteView bytes) {
  Link link;
  bool has_hash = false;
  std::uint64_t last = 0;
  ProtoReader reader(bytes);
  while (true) {
    IA_ASSIGN(const auto field, reader.next());
    if (!field) break;
    if (field->number <= last) {
      return fail(ErrorCode::kMalformedBlock, "dag-pb link has field {} after field {}", field->number, last);
    }
    last = field->number;
    if (last == kHash) {
      IA_TRY(check_type(*field, WireType::kBytes, "Hash"));
      IA_ASSIGN(link.cid, Cid::from_bytes(field->bytes));
      has_hash = true;
    } else if (last == kName) {
      IA_TRY(check_type(*field, WireType::kBytes, "Name"));
      link.name = as_text(field->bytes);
    } else if (last == kTsize) {
      IA_TRY(check_type(*field, WireType::kVarint, "Tsize"));
      link.tsize = field->value;
    } else {
      return fail(ErrorCode::kMalformedBlock, "dag-pb link has unknown field {}", last);
    }
  }
  if (!has_hash) return fail(ErrorCode::kMalformedBlock, "dag-pb link has no Hash");
  return link;
}

}  // namespace

Result<DagPbNode> decode_dag_pb(ByteView bytes) {
  if (bytes.size() > kMaxBlockBytes) {
    return fail(ErrorCode::kLimitExceeded, "dag-pb block of {} bytes, at most {}", bytes.size(), kMaxBlockBytes);
  }
  DagPbNode node;
  bool data_after_links = false;
  ProtoReader reader(bytes);
  while (true) {
    IA_ASSIGN(const auto field, reader.next());
    if (!field) return node;
    if (field->number == kLinks) {
      IA_TRY(check_type(*field, WireType::kBytes, "Links"));
      if (data_after_links) return fail(ErrorCode::kMalformedBlock, "dag-pb links stand on both sides of Data");
      IA_ASSIGN(Link link, decode_link(field->bytes));
      node.links.push_back(std::move(link));
    } else if (field->number == kData) {
      IA_TRY(check_type(*field, WireType::kBytes, "Data"));
      if (node.data) return fail(ErrorCode::kMalformedBlock, "dag-pb node has Data twice");
      node.data = Bytes(field->bytes.begin(), field->bytes.end());
      data_after_links = !node.links.empty();
    } else {
      return fail(ErrorCode::kMalformedBlock, "dag-pb node has unknown field {}", field->number);
    }
  }
}

Bytes encode_dag_pb(const DagPbNode& node) {
  Bytes out, inner;
  for (const Link& link : node.links) {
    inner.clear();
    put_bytes_field(inner, kHash, link.cid.to_bytes());
    put_bytes_field(inner, kName, as_bytes(link.name));  // also when empty: every CID of Kubo's has it
    put_varint_field(inner, kTsize, link.tsize);
    put_bytes_field(out, kLinks, inner);
  }
  if (node.data) put_bytes_field(out, kData, *node.data);
  return out;
}

}  // namespace ipfs_accelerate::content
