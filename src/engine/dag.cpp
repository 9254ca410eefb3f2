// Following paths through folders and shards, and listing the blocks below a CID.
#include "engine/dag.h"

#include <algorithm>
#include <format>

namespace ipfs_accelerate {
namespace {

using content::Block;
using content::Cid;
using content::Codec;
using content::Link;
using content::UnixFsNode;
using content::UnixFsType;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxShards = 65536;
constexpr std::size_t kMaxSegments = 256;

Result<UnixFsNode> decode(const Block& block) {
  if (block.cid().codec == Codec::kDagPb || block.cid().codec == Codec::kRaw)
    return content::decode_unixfs(block.verified());
  return fail(ErrorCode::kUnsupportedCodec, "{} is no UnixFS block", block.cid().text());
}

std::string type_name(UnixFsType type) {
  switch (type) {
    case UnixFsType::kDirectory:
    case UnixFsType::kHamtShard: return "directory";
    case UnixFsType::kSymlink: return "symlink";
    default: return "file";
  }
}

std::size_t shard_prefix(const UnixFsNode& node) { return std::format("{:X}", node.fanout - 1).size(); }

/// Looks for `name` below a shard, depth first; `trail` gets the shards that lead to it.
Result<Cid> find_in_shard(const UnixFsNode& shard, std::string_view name, const content::BlockGetter& get,
                          std::size_t& read, std::vector<Cid>& trail, int depth) {
  const std::size_t prefix = shard_prefix(shard);
  for (const Link& link : shard.links) {
    if (link.name.size() > prefix && std::string_view(link.name).substr(prefix) == name) return link.cid;
  }
  for (const Link& link : shard.links) {
    if (link.name.size() != prefix) continue;
    if (++read > kMaxShards || depth > kMaxDepth)
      return fail(ErrorCode::kLimitExceeded, "a folder with too many or too deep shards");
    IA_ASSIGN(const Block block, get(link.cid));
    IA_ASSIGN(const UnixFsNode below, decode(block));
    trail.push_back(link.cid);
    auto found = find_in_shard(below, name, get, read, trail, depth + 1);
    if (found || found.error().code != ErrorCode::kNotFound) return found;
    trail.pop_back();
  }
  return fail(ErrorCode::kNotFound, "no entry {}", name);
}

Result<Cid> find_child(const UnixFsNode& node, const Cid& folder, std::string_view name,
                       const content::BlockGetter& get, std::vector<Cid>& trail) {
  if (node.type == UnixFsType::kHamtShard) {
    std::size_t read = 0;
    auto found = find_in_shard(node, name, get, read, trail, 0);
    if (!found && found.error().code == ErrorCode::kNotFound)
      return fail(ErrorCode::kNotFound, "no entry {} in {}", name, folder.text());
    return found;
  }
  if (node.type != UnixFsType::kDirectory)
    return fail(ErrorCode::kNotFound, "{} is no folder, so it has no entry {}", folder.text(), name);
  const auto found = std::ranges::find(node.links, name, &Link::name);
  if (found == node.links.end()) return fail(ErrorCode::kNotFound, "no entry {} in {}", name, folder.text());
  return found->cid;
}

void append_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

Result<PathWalk> walk_path(std::string_view path, const content::BlockGetter& get) {
  const std::string_view head = path.substr(0, path.find('/'));
  IA_ASSIGN(Cid cid, Cid::parse(head));
  path.remove_prefix(head.size());
  PathWalk walk;
  for (std::size_t segments = 0;; ++segments) {
    if (segments > kMaxSegments) return fail(ErrorCode::kLimitExceeded, "a path of more than {} names", kMaxSegments);
    IA_ASSIGN(const Block block, get(cid));
    walk.blocks.push_back(cid);
    while (path.starts_with('/')) path.remove_prefix(1);
    const bool unixfs = cid.codec == Codec::kDagPb || cid.codec == Codec::kRaw;
    if (path.empty() && !unixfs) {
      walk.type = "file";
      return walk;
    }
    IA_ASSIGN(const UnixFsNode node, decode(block));
    walk.type = type_name(node.type);
    if (path.empty()) return walk;
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    IA_ASSIGN(cid, find_child(node, cid, name, get, walk.blocks));
  }
}

DagWalk::DagWalk(PathWalk path, CarOptions options, content::BlockGetter get)
    : options_(std::move(options)), get_(std::move(get)) {
  for (std::size_t i = path.blocks.size(); i-- > 0;) {
    const bool target = i + 1 == path.blocks.size();
    stack_.push_back({.cid = path.blocks[i], .in_path = !target, .is_target = target});
  }
}

Result<std::optional<Block>> DagWalk::next() {
  while (!stack_.empty()) {
    const Visit visit = stack_.back();
    stack_.pop_back();
    if (!options_.duplicates && !seen_.insert(visit.cid.key()).second && !visit.is_target) continue;
    IA_ASSIGN(Block block, get_(visit.cid));
    if (!visit.in_path) IA_TRY(push_links(visit, block));
    return std::optional<Block>(std::move(block));
  }
  return std::nullopt;
}

Result<> DagWalk::bound_range(const UnixFsNode& file) {
  if (!options_.entity_bytes) return {};
  const auto& [from, to] = *options_.entity_bytes;
  const auto size = static_cast<std::int64_t>(file.file_size);
  const std::int64_t first = from < 0 ? std::max<std::int64_t>(size + from, 0) : from;
  const std::int64_t last = !to ? size - 1 : *to < 0 ? size + *to : *to;
  if (last < first) {  // nothing of the file is asked for; its root block alone proves that
    first_ = UINT64_MAX;
    last_ = 0;
    return {};
  }
  first_ = static_cast<std::uint64_t>(first);
  last_ = static_cast<std::uint64_t>(last);
  return {};
}

Result<> DagWalk::push_links(const Visit& visit, const Block& block) {
  if (block.cid().codec != Codec::kDagPb || (visit.is_target && options_.scope == DagScope::kBlock)) return {};
  if (visit.depth > kMaxDepth) return fail(ErrorCode::kLimitExceeded, "a DAG deeper than {} blocks", kMaxDepth);
  IA_ASSIGN(const UnixFsNode node, decode(block));
  const bool is_file = node.type == UnixFsType::kFile || node.type == UnixFsType::kRaw;
  if (visit.is_target && is_file) IA_TRY(bound_range(node));
  std::vector<Visit> children;
  std::uint64_t offset = visit.offset + node.data.size();
  for (std::size_t i = 0; i < node.links.size(); ++i) {
    const Visit child{.cid = node.links[i].cid, .offset = offset, .in_file = is_file, .depth = visit.depth + 1};
    if (is_file) {
      const std::uint64_t length = node.block_sizes[i];
      offset += length;
      const bool wanted = length > 0 ? child.offset <= last_ && offset > first_ : true;
      if (wanted) children.push_back(child);
    } else if (options_.scope == DagScope::kAll) {
      children.push_back(child);
    } else if (node.type == UnixFsType::kHamtShard && node.links[i].name.size() == shard_prefix(node)) {
      children.push_back(child);  // listing a sharded folder takes all its shards
    }
  }
  stack_.insert(stack_.end(), children.rbegin(), children.rend());
  return {};
}

Bytes car_header(const Cid& root) {
  const Bytes cid = root.to_bytes();
  // dag-cbor {"roots": [CID], "version": 1}; a CID is tag 42 around its bytes with a leading zero.
  Bytes body = {0xa2, 0x65, 'r', 'o', 'o', 't', 's', 0x81, 0xd8, 0x2a};
  const std::size_t length = cid.size() + 1;
  if (length < 24)
    body.push_back(static_cast<std::uint8_t>(0x40 + length));
  else
    body.insert(body.end(), {0x58, static_cast<std::uint8_t>(length)});
  body.push_back(0);
  body.insert(body.end(), cid.begin(), cid.end());
  body.insert(body.end(), {0x67, 'v', 'e', 'r', 's', 'i', 'o', 'n', 0x01});
  Bytes header;
  append_varint(header, body.size());
  header.insert(header.end(), body.begin(), body.end());
  return header;
}

Bytes car_section(const Block& block) {
  const Bytes cid = block.cid().to_bytes();
  Bytes section;
  section.reserve(cid.size() + block.bytes().size() + 10);
  append_varint(section, cid.size() + block.bytes().size());
  section.insert(section.end(), cid.begin(), cid.end());
  section.insert(section.end(), block.bytes().begin(), block.bytes().end());
  return section;
}

}  // namespace ipfs_accelerate
