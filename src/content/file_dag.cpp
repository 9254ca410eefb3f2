// Building file DAGs as Kubo's balanced layout does.
#include "content/file_dag.h"

#include <utility>

#include "content/hash.h"
#include "content/protobuf.h"

namespace ipfs_accelerate::content {

LeafEnvelope leaf_envelope(std::uint64_t length) {
  // An empty leaf tells where the content would stand; encode around it by hand to avoid copying the content.
  Bytes message_before, message_after;
  put_varint_field(message_before, 1, static_cast<std::uint64_t>(UnixFsType::kFile));
  if (length > 0) {
    put_varint(message_before, 2u << 3 | 2);
    put_varint(message_before, length);
  }
  put_varint_field(message_after, 3, length);
  LeafEnvelope envelope;
  put_varint(envelope.before, 1u << 3 | 2);
  put_varint(envelope.before, message_before.size() + length + message_after.size());
  envelope.before.insert(envelope.before.end(), message_before.begin(), message_before.end());
  envelope.after = std::move(message_after);
  return envelope;
}

Result<Cid> leaf_cid(const Profile& profile, std::uint64_t length, const NextPart& next) {
  Cid cid{.version = profile.cid_version, .codec = profile.raw_leaves ? Codec::kRaw : Codec::kDagPb};
  if (profile.raw_leaves) {
    cid.version = 1;
    IA_ASSIGN(cid.hash, sha256_stream(next));
    return cid;
  }
  const LeafEnvelope envelope = leaf_envelope(length);
  enum { kBefore, kContent, kEnd } at = kBefore;
  IA_ASSIGN(cid.hash, sha256_stream([&]() -> Result<ByteView> {
              if (at == kBefore) {
                at = kContent;
                return envelope.before;
              }
              if (at == kEnd) return ByteView{};
              IA_ASSIGN(const ByteView part, next());
              if (!part.empty()) return part;
              at = kEnd;
              return envelope.after;
            }));
  return cid;
}

Result<Cid> leaf_cid(const Profile& profile, ByteView chunk) {
  return leaf_cid(profile, chunk.size(), [&]() -> Result<ByteView> { return std::exchange(chunk, ByteView{}); });
}

// One inner node over `level`, which is left empty.
Result<FileBuilder::Child> FileBuilder::pack(std::vector<Child>& level) {
  UnixFsNode node{.type = UnixFsType::kFile};
  Child packed{};
  for (Child& child : level) {
    node.file_size += child.length;
    node.block_sizes.push_back(child.length);
    packed.link.tsize += child.link.tsize;
    node.links.push_back(std::move(child.link));
  }
  level.clear();
  const Bytes bytes = encode_unixfs(node);
  packed.length = node.file_size;
  packed.link.tsize += bytes.size();
  IA_ASSIGN(const VerifiedBlock block, address(profile_.cid_version, Codec::kDagPb, bytes));
  packed.link.cid = block.cid();
  IA_TRY(sink_(block));
  return packed;
}

// A full level is packed only when one more child comes, so that a root may be exactly full.
Result<> FileBuilder::push(std::size_t level, Child child) {
  for (; level < levels_.size() && levels_[level].size() == profile_.width; ++level) {
    IA_ASSIGN(Child packed, pack(levels_[level]));
    levels_[level].push_back(std::move(child));
    child = std::move(packed);
  }
  if (level == levels_.size()) levels_.emplace_back();
  levels_[level].push_back(std::move(child));
  return {};
}

Result<> FileBuilder::add_leaf(const Cid& cid, std::uint64_t length) {
  std::uint64_t tsize = length;
  if (cid.codec == Codec::kDagPb) {
    const LeafEnvelope envelope = leaf_envelope(length);
    tsize += envelope.before.size() + envelope.after.size();
  }
  return push(0, {{.cid = cid, .tsize = tsize}, length});
}

Result<Link> FileBuilder::finish() {
  if (levels_.empty()) return fail(ErrorCode::kInternal, "a file DAG needs at least one leaf");
  for (std::size_t level = 0;; ++level) {
    const bool top = level + 1 == levels_.size();
    if (top && levels_[level].size() == 1) return std::move(levels_[level][0].link);
    IA_ASSIGN(Child packed, pack(levels_[level]));
    IA_TRY(push(level + 1, std::move(packed)));
  }
}

}  // namespace ipfs_accelerate::content
