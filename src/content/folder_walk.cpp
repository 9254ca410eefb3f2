// Walks through folders: one name, a path, a whole listing.
#include <algorithm>
#include <format>

#include "content/murmur3.h"
#include "content/shard.h"
#include "content/walk.h"

namespace ipfs_accelerate::content {
namespace {

bool is_inline(const Cid& cid) { return cid.hash.function == HashFunction::kIdentity; }

Result<Link> first_named(std::span<const Link> links, const Cid& directory, std::string_view name,
                         std::string_view shown) {
  const auto found = std::ranges::find(links, name, &Link::name);
  if (found != links.end()) return *found;
  return fail(ErrorCode::kNotFound, "no \"{}\" in folder {}", shown, directory.text());
}

}  // namespace

EntryWalk::EntryWalk(Cid directory, std::string name)
    : directory_(std::move(directory)),
      at_(directory_),
      name_(std::move(name)),
      hash_(murmur3_x64_64(as_bytes(name_))) {}

std::vector<Cid> EntryWalk::needs() const { return found_ ? std::vector<Cid>{} : std::vector{at_}; }

Result<> EntryWalk::give(const VerifiedBlock& block) {
  if (found_ || block.cid() != at_) return {};
  IA_TRY(take(block));
  while (!found_ && is_inline(at_)) {
    IA_ASSIGN(const Block inlined, Block::from_identity(at_));
    IA_TRY(take(inlined.verified()));
  }
  return {};
}

Result<> EntryWalk::take(const VerifiedBlock& block) {
  IA_ASSIGN(const UnixFsNode node, read_unixfs(block));
  blocks_.push_back(at_);
  if (node.type == UnixFsType::kDirectory && used_ == 0) {
    IA_ASSIGN(found_, first_named(node.links, directory_, name_, name_));
    return {};
  }
  if (node.type != UnixFsType::kHamtShard) return no_directory(at_, node.type);
  const int bits = shard_bits(node);
  if (used_ > 0 && node.fanout != fanout_) return bad_shard(at_, "another fan-out than its parent's");
  if (used_ + bits > 64) return bad_shard(at_, "deeper than the 64 bits of its hash");
  fanout_ = node.fanout;
  const std::string prefix = std::format("{:0{}X}", hash_ << used_ >> (64 - bits), shard_digits(node));
  const auto shard = std::ranges::find(node.links, prefix, &Link::name);
  if (shard == node.links.end()) {
    IA_ASSIGN(Link found, first_named(node.links, directory_, prefix + name_, name_));
    found.name = name_;
    found_ = std::move(found);
    return {};
  }
  at_ = shard->cid;
  used_ += bits;
  return {};
}

PathWalk::PathWalk(ContentPath path, bool look)
    : names_(std::move(path.names)), at_(std::move(path.root)), look_(look) {
  if (auto begun = begin_name(); !begun) wrong_ = std::move(begun).error();
  if (auto gone = go_on(); !gone && !wrong_) wrong_ = std::move(gone).error();
}

Result<> PathWalk::begin_name() {
  entry_.reset();
  if (next_ == names_.size()) return {};
  if (at_.codec == Codec::kRaw) return no_directory(at_, UnixFsType::kFile);
  entry_.emplace(at_, names_[next_]);
  return {};
}

// Goes as far as the blocks inside identity CIDs lead.
Result<> PathWalk::go_on() {
  while (!done_ && !wrong_) {
    if (!entry_) {
      if (!look_) {
        blocks_.push_back(at_);
        done_ = true;
      } else if (is_inline(at_)) {
        IA_ASSIGN(const Block inlined, Block::from_identity(at_));
        IA_TRY(this->look(inlined.verified()));
      } else {
        return {};
      }
      continue;
    }
    if (const auto wanted = entry_->needs(); !wanted.empty()) {
      if (!is_inline(wanted.front())) return {};
      IA_ASSIGN(const Block inlined, Block::from_identity(wanted.front()));
      IA_TRY(entry_->give(inlined.verified()));
      continue;
    }
    std::ranges::copy(entry_->blocks(), std::back_inserter(blocks_));
    at_ = entry_->found().cid;
    ++next_;
    IA_TRY(begin_name());
  }
  return {};
}

Result<> PathWalk::look(const VerifiedBlock& block) {
  blocks_.push_back(at_);
  done_ = true;
  if (at_.codec != Codec::kDagPb && at_.codec != Codec::kRaw) return {};
  IA_ASSIGN(const UnixFsNode node, read_unixfs(block));
  type_ = node.type;
  return {};
}

std::vector<Cid> PathWalk::needs() {
  if (done_) return {};
  if (wrong_ || !entry_) return {at_};  // give() says what is wrong
  return entry_->needs();
}

Result<> PathWalk::give(const VerifiedBlock& block) {
  if (wrong_) return std::unexpected(*wrong_);
  if (done_) return {};
  if (entry_) {
    IA_TRY(entry_->give(block));
  } else if (block.cid() == at_) {
    IA_TRY(look(block));
  }
  return go_on();
}

FolderWalk::FolderWalk(Cid directory) {
  nodes_.push_back({.cid = directory});
  waiting_[std::move(directory)].push_back(0);
}

std::vector<Cid> FolderWalk::needs() const {
  std::vector<Cid> wanted;
  for (const auto& [cid, places] : waiting_) wanted.push_back(cid);
  return wanted;
}

Result<> FolderWalk::give(const VerifiedBlock& block) {
  auto places = waiting_.extract(block.cid());
  if (!places) return {};
  IA_ASSIGN(const UnixFsNode node, read_unixfs(block));
  for (const std::size_t index : places.mapped()) IA_TRY(take_node(index, node));
  return {};
}

Result<> FolderWalk::want(std::size_t index) {
  const Cid& cid = nodes_[index].cid;
  if (!is_inline(cid)) {
    waiting_[cid].push_back(index);
    return {};
  }
  IA_ASSIGN(const Block inlined, Block::from_identity(cid));
  IA_ASSIGN(const UnixFsNode node, read_unixfs(inlined.verified()));
  return take_node(index, node);
}

Result<> FolderWalk::take_node(std::size_t index, const UnixFsNode& node) {
  const Cid cid = nodes_[index].cid;
  count_ += node.links.size() + 1;
  if (count_ > kMaxDirectoryEntries) {
    return fail(ErrorCode::kLimitExceeded, "folder {} has more than {} entries", nodes_[0].cid.text(),
                kMaxDirectoryEntries);
  }
  if (node.type == UnixFsType::kDirectory && index == 0) {
    for (const Link& link : node.links) nodes_[0].items.push_back({link});
    return {};
  }
  if (node.type != UnixFsType::kHamtShard) {
    if (index == 0) return no_directory(cid, node.type);
    return bad_shard(cid, "a shard links to something that is no shard");
  }
  if (index != 0 && node.fanout != fanout_) return bad_shard(cid, "another fan-out than its parent's");
  fanout_ = node.fanout;
  return expand_shard(index, node);
}

Result<> FolderWalk::expand_shard(std::size_t index, const UnixFsNode& node) {
  const std::size_t digits = shard_digits(node), first = nodes_.size();
  const Cid cid = nodes_[index].cid;
  const int depth = nodes_[index].depth;
  for (const Link& link : node.links) {
    IA_TRY(check_bucket(cid, node, link));
    Item item{link};
    item.link.name.erase(0, digits);
    if (item.link.name.empty()) {
      item.shard = nodes_.size();
      nodes_.push_back({.cid = link.cid, .depth = depth + 1});
    }
    nodes_[index].items.push_back(std::move(item));
  }
  if (nodes_.size() > first && (depth + 2) * shard_bits(node) > 64) {
    return bad_shard(cid, "deeper than the 64 bits of its hash");
  }
  for (std::size_t child = first, end = nodes_.size(); child < end; ++child) IA_TRY(want(child));
  return {};
}

DirectoryListing FolderWalk::take() {
  DirectoryListing listing;
  struct Place {
    std::size_t node, item;
  };
  listing.nodes.push_back(nodes_[0].cid);
  for (std::vector<Place> open{{0, 0}}; !open.empty();) {
    auto& [at, next] = open.back();
    if (next == nodes_[at].items.size()) {
      open.pop_back();
      continue;
    }
    Item& item = nodes_[at].items[next++];
    if (item.shard == 0) {
      listing.entries.push_back(std::move(item.link));
      continue;
    }
    listing.nodes.push_back(nodes_[item.shard].cid);
    open.push_back({item.shard, 0});
  }
  return listing;
}

}  // namespace ipfs_accelerate::content
