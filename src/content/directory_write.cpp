// Writing folders: flat below the profile's threshold, a HAMT above it.
#include <algorithm>
#include <format>

#include "content/directory.h"
#include "content/murmur3.h"
#include "content/unixfs.h"

namespace ipfs_accelerate::content {
namespace {

Result<Link> emit(const Profile& profile, const UnixFsNode& node, const BlockSink& sink) {
  const Bytes bytes = encode_unixfs(node);
  IA_ASSIGN(const VerifiedBlock block, address(profile.cid_version, Codec::kDagPb, bytes));
  IA_TRY(sink(block));
  Link link{.cid = block.cid(), .tsize = bytes.size()};
  for (const Link& child : node.links) link.tsize += child.tsize;
  return link;
}

std::size_t estimated_size(const Profile& profile, const UnixFsNode& node) {
  if (profile.directory_size == DirectorySize::kBlockBytes) return encode_unixfs(node).size();
  std::size_t size = 0;
  for (const Link& link : node.links) size += link.name.size() + link.cid.to_bytes().size();
  return size;
}

struct Placed {
  std::uint64_t hash;
  Link link;
};

// Entries sorted by hash lie bucket by bucket at every depth, so a shard is a range.
class HamtWriter {
 public:
  HamtWriter(const Profile& profile, const BlockSink& sink)
      : profile_(profile), sink_(sink), bits_(profile.hamt_bits), digits_((profile.hamt_bits + 3) / 4) {}

  // Depth is bounded by the 64 bits of the hash.
  Result<Link> write(std::span<Placed> range, int depth) {
    if ((depth + 1) * bits_ > 64) {
      return fail(ErrorCode::kLimitExceeded, "folder entries \"{}\" and \"{}\" have one hash; rename one",
                  range.front().link.name, range.back().link.name);
    }
    UnixFsNode node{.type = UnixFsType::kHamtShard, .fanout = std::uint64_t{1} << bits_};
    Bytes bitfield(node.fanout / 8);  // bit 0 is the last byte's lowest
    while (!range.empty()) {
      const std::uint64_t bucket = bucket_of(range.front(), depth);
      const auto end = std::ranges::find_if(range, [&](const Placed& p) { return bucket_of(p, depth) != bucket; });
      IA_ASSIGN(Link link, write_bucket({range.begin(), end}, bucket, depth));
      bitfield[bitfield.size() - 1 - bucket / 8] |= 1u << (bucket % 8);
      node.links.push_back(std::move(link));
      range = {end, range.end()};
    }
    const auto first = std::ranges::find_if(bitfield, [](auto byte) { return byte != 0; });
    node.data.assign(first, bitfield.end());
    return emit(profile_, node, sink_);
  }

 private:
  std::uint64_t bucket_of(const Placed& placed, int depth) const {
    return placed.hash << (depth * bits_) >> (64 - bits_);
  }

  Result<Link> write_bucket(std::span<Placed> entries, std::uint64_t bucket, int depth) {
    std::string prefix = std::format("{:0{}X}", bucket, digits_);
    if (entries.size() == 1) {
      Link link = std::move(entries[0].link);
      link.name = prefix + link.name;
      return link;
    }
    IA_ASSIGN(Link shard, write(entries, depth + 1));
    shard.name = std::move(prefix);
    return shard;
  }

  const Profile& profile_;
  const BlockSink& sink_;
  const int bits_, digits_;
};

Result<> check_names(std::span<const Link> sorted) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::string& name = sorted[i].name;
    if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos || name.find('\0') != name.npos) {
      return fail(ErrorCode::kInvalidArgument, "\"{}\" cannot be a name in a folder", name);
    }
    if (i > 0 && sorted[i - 1].name == name) {
      return fail(ErrorCode::kInvalidArgument, "the name \"{}\" stands twice in a folder", name);
    }
  }
  return {};
}

}  // namespace

Result<Link> build_directory(const Profile& profile, std::vector<Link> entries, const BlockSink& sink) {
  std::ranges::sort(entries, {}, &Link::name);
  IA_TRY(check_names(entries));
  UnixFsNode node{.type = UnixFsType::kDirectory, .links = std::move(entries)};
  if (estimated_size(profile, node) <= profile.hamt_threshold) return emit(profile, node, sink);
  std::vector<Placed> placed;
  for (Link& link : node.links) {
    const std::uint64_t place = murmur3_x64_64(as_bytes(link.name));
    placed.push_back({place, std::move(link)});
  }
  std::ranges::stable_sort(placed, {}, &Placed::hash);
  return HamtWriter(profile, sink).write(placed, 0);
}

Result<Link> build_symlink(const Profile& profile, std::string_view target, const BlockSink& sink) {
  const ByteView bytes = as_bytes(target);
  return emit(profile, {.type = UnixFsType::kSymlink, .data = Bytes(bytes.begin(), bytes.end())}, sink);
}

}  // namespace ipfs_accelerate::content
