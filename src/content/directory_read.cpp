// Reading folders: listing them whole, and finding one name.
#include <algorithm>
#include <bit>
#include <format>

#include "content/directory.h"
#include "content/murmur3.h"
#include "content/unixfs.h"

namespace ipfs_accelerate::content {
namespace {

Result<UnixFsNode> read_node(const Cid& cid, const BlockGetter& get) {
  const bool inlined = cid.hash.function == HashFunction::kIdentity;
  IA_ASSIGN(const Block block, inlined ? Block::from_identity(cid) : get(cid));
  auto node = decode_unixfs(block.verified());
  if (!node) return while_doing(std::move(node).error(), "reading block {}", cid.text());
  return node;
}

std::unexpected<Error> bad_shard(const Cid& cid, std::string_view what) {
  return fail(ErrorCode::kMalformedBlock, "HAMT shard {}: {}", cid.text(), what);
}

std::unexpected<Error> no_directory(const Cid& cid, UnixFsType type) {
  if (type == UnixFsType::kSymlink) {
    return fail(ErrorCode::kInvalidArgument, "{} is a symbolic link; links are not followed", cid.text());
  }
  return fail(ErrorCode::kNotFound, "{} is a file, not a folder", cid.text());
}

int bits_of(const UnixFsNode& shard) { return std::countr_zero(shard.fanout); }
std::size_t digits_of(const UnixFsNode& shard) { return (bits_of(shard) + 3) / 4; }

// The bucket that a link's name starts with; names are upper-case hex of fixed width.
Result<std::uint64_t> bucket_of(const Cid& cid, const UnixFsNode& shard, const Link& link) {
  const std::size_t digits = digits_of(shard);
  std::uint64_t bucket = 0;
  if (link.name.size() < digits) return bad_shard(cid, "a link's name is shorter than its prefix");
  for (const char c : std::string_view(link.name).substr(0, digits)) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && (c < 'A' || c > 'F')) return bad_shard(cid, "a link's prefix is no upper-case hex");
    bucket = bucket * 16 + static_cast<std::uint64_t>(decimal ? c - '0' : c - 'A' + 10);
  }
  if (bucket >= shard.fanout) return bad_shard(cid, "a link's prefix is past the fan-out");
  const std::size_t byte = bucket / 8;
  if (byte >= shard.data.size() || (shard.data[shard.data.size() - 1 - byte] >> (bucket % 8) & 1) == 0) {
    return bad_shard(cid, "a link's bucket is not in the bitfield");
  }
  return bucket;
}

struct Step {
  Cid cid;
  int depth;
};

// Entries of one shard go to the listing, sub-shards to the stack (first on top: stored order).
Result<> expand_shard(const Step& step, UnixFsNode& shard, DirectoryListing& listing, std::vector<Step>& steps) {
  const std::size_t digits = digits_of(shard);
  std::vector<Step> below;
  for (Link& link : shard.links) {
    IA_TRY(bucket_of(step.cid, shard, link));
    if (link.name.size() == digits) {
      below.push_back({std::move(link.cid), step.depth + 1});
      continue;
    }
    link.name.erase(0, digits);
    listing.entries.push_back(std::move(link));
  }
  if (!below.empty() && (step.depth + 2) * bits_of(shard) > 64) {
    return bad_shard(step.cid, "deeper than the 64 bits of its hash");
  }
  steps.insert(steps.end(), std::make_move_iterator(below.rbegin()), std::make_move_iterator(below.rend()));
  return {};
}

Result<Link> first_named(std::span<const Link> links, const Cid& directory, std::string_view name) {
  const auto found = std::ranges::find(links, name, &Link::name);
  if (found != links.end()) return *found;
  return fail(ErrorCode::kNotFound, "no \"{}\" in folder {}", name, directory.text());
}

}  // namespace

Result<DirectoryListing> list_directory(const Cid& directory, const BlockGetter& get) {
  DirectoryListing listing;
  std::uint64_t fanout = 0;
  for (std::vector<Step> steps{{directory, 0}}; !steps.empty();) {
    const Step step = std::move(steps.back());
    steps.pop_back();
    IA_ASSIGN(UnixFsNode node, read_node(step.cid, get));
    listing.nodes.push_back(step.cid);
    const bool root = listing.nodes.size() == 1;
    if (node.type == UnixFsType::kDirectory && root) {
      listing.entries = std::move(node.links);
    } else if (node.type != UnixFsType::kHamtShard) {
      if (root) return no_directory(step.cid, node.type);
      return bad_shard(step.cid, "a shard links to something that is no shard");
    } else {
      if (!root && node.fanout != fanout) return bad_shard(step.cid, "another fan-out than its parent's");
      fanout = node.fanout;
      IA_TRY(expand_shard(step, node, listing, steps));
    }
    if (listing.entries.size() + listing.nodes.size() + steps.size() > kMaxDirectoryEntries) {
      return fail(ErrorCode::kLimitExceeded, "folder {} has more than {} entries", directory.text(),
                  kMaxDirectoryEntries);
    }
  }
  return listing;
}

Result<Link> find_entry(const Cid& directory, std::string_view name, const BlockGetter& get) {
  Cid at = directory;
  const std::uint64_t hash = murmur3_x64_64(as_bytes(name));
  std::uint64_t fanout = 0;
  for (int used = 0;;) {
    IA_ASSIGN(const UnixFsNode node, read_node(at, get));
    if (node.type == UnixFsType::kDirectory && used == 0) return first_named(node.links, directory, name);
    if (node.type != UnixFsType::kHamtShard) return no_directory(at, node.type);
    const int bits = bits_of(node);
    if (used > 0 && node.fanout != fanout) return bad_shard(at, "another fan-out than its parent's");
    if (used + bits > 64) return bad_shard(at, "deeper than the 64 bits of its hash");
    fanout = node.fanout;
    const std::string prefix = std::format("{:0{}X}", hash << used >> (64 - bits), digits_of(node));
    const auto shard = std::ranges::find(node.links, prefix, &Link::name);
    if (shard == node.links.end()) {
      IA_ASSIGN(Link found, first_named(node.links, directory, prefix + std::string(name)));
      found.name = name;
      return found;
    }
    at = shard->cid;
    used += bits;
  }
}

bool is_safe_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

Result<ContentPath> parse_path(std::string_view path) {
  if (path.starts_with("/ipfs/")) path.remove_prefix(6);
  if (path.starts_with("ipfs://")) path.remove_prefix(7);
  const auto slash = path.find('/');
  ContentPath parsed;
  IA_ASSIGN(parsed.root, Cid::parse(path.substr(0, slash)));
  while (path.find('/') != path.npos) {
    path.remove_prefix(path.find('/') + 1);
    const std::string_view name = path.substr(0, path.find('/'));
    if (name.empty()) continue;
    if (name == "." || name == "..") {
      return fail(ErrorCode::kInvalidArgument, "\"{}\" is not allowed in a content path", name);
    }
    parsed.names.emplace_back(name);
  }
  return parsed;
}

Result<Cid> resolve_path(const ContentPath& path, const BlockGetter& get) {
  Cid at = path.root;
  for (const std::string& name : path.names) {
    if (at.codec == Codec::kRaw) return no_directory(at, UnixFsType::kFile);
    IA_ASSIGN(const Link link, find_entry(at, name, get));
    at = link.cid;
  }
  return at;
}

}  // namespace ipfs_accelerate::content
