// Laying a file DAG out as leaves, level by level, without trusting a number in it.
#include <algorithm>

#include "content/shard.h"
#include "content/walk.h"

namespace ipfs_accelerate::content {
namespace {

bool is_inline(const Cid& cid) { return cid.hash.function == HashFunction::kIdentity; }
bool is_file(UnixFsType type) { return type == UnixFsType::kFile || type == UnixFsType::kRaw; }

// A leaf whose block is exactly the envelope around its bytes needs no copy of the block.
bool is_wrapped(const UnixFsNode& node, ByteView block) {
  return node.type == UnixFsType::kFile && node.links.empty() && std::ranges::equal(encode_unixfs(node), block);
}

Result<> check_root(const Cid& cid, UnixFsType type) {
  if (is_file(type)) return {};
  return fail(ErrorCode::kInvalidArgument, "{} is {}, not a file", cid.text(),
              type == UnixFsType::kSymlink ? "a symbolic link" : "a folder");
}

}  // namespace

FileWalk::FileWalk(Cid root, Leaves leaves, std::function<bool(const Cid&)> is_leaf)
    : leaves_(leaves), is_leaf_(std::move(is_leaf)) {
  layout_.root = std::move(root);
}

std::vector<Cid> FileWalk::needs() const {
  if (!has_root_) return {layout_.root};
  std::vector<Cid> wanted;
  if (probing()) {
    std::ranges::copy_if(probes_, std::back_inserter(wanted), [&](const Cid& cid) { return waiting_.contains(cid); });
    return wanted;
  }
  for (const auto& [cid, steps] : waiting_) wanted.push_back(cid);
  return wanted;
}

Result<> FileWalk::give(const VerifiedBlock& block) {
  if (!has_root_) return block.cid() == layout_.root ? give_root(block) : Result<>{};
  auto found = waiting_.extract(block.cid());
  if (!found) return {};
  IA_ASSIGN(const UnixFsNode node, read_unixfs(block));
  for (const Step& step : found.mapped()) IA_TRY(take_node(block, node, step));
  if (probing() && std::ranges::contains(probes_, block.cid())) {
    probes_are_leaves_ = probes_are_leaves_ && is_wrapped(node, block.bytes());
    probed_length_ = std::max(probed_length_, node.file_size);
    if (--probes_left_ == 0) IA_TRY(assume_leaves());
  }
  return end_level();
}

Result<> FileWalk::give_root(const VerifiedBlock& block) {
  has_root_ = true;
  IA_ASSIGN(const UnixFsNode node, read_unixfs(block));
  IA_TRY(check_root(layout_.root, node.type));
  layout_.size = node.file_size;
  IA_TRY(take_node(block, node, {layout_.root, 0, node.file_size}));
  return end_level();
}

Result<> FileWalk::take_node(const VerifiedBlock& block, const UnixFsNode& node, const Step& step) {
  if (!is_file(node.type)) {
    return fail(ErrorCode::kMalformedBlock, "{} is no file (UnixFS type {})", step.cid.text(),
                static_cast<int>(node.type));
  }
  if (node.file_size != step.length) {
    return fail(ErrorCode::kMalformedBlock, "{} has {} bytes of content, its parent says {}", step.cid.text(),
                node.file_size, step.length);
  }
  if (step.cid.codec == Codec::kRaw) return add_leaf(step, step.length, LeafKind::kRaw);
  if (is_wrapped(node, block.bytes())) return add_leaf(step, step.length, LeafKind::kWrapped);
  IA_TRY(count(1));
  layout_.nodes.push_back(step.cid);
  if (!node.data.empty()) IA_TRY(add_leaf(step, node.data.size(), LeafKind::kEmbedded));
  return add_children(node, step);
}

Result<> FileWalk::add_children(const UnixFsNode& node, const Step& step) {
  if (depth_ == kMaxFileDepth && !node.links.empty()) {
    return fail(ErrorCode::kLimitExceeded, "file {} is deeper than {} levels", layout_.root.text(), kMaxFileDepth);
  }
  if (below_.size() + node.links.size() > kMaxFileLeaves) return count(kMaxFileLeaves);
  std::uint64_t offset = step.offset + node.data.size();
  for (std::size_t i = 0; i < node.links.size(); ++i) {
    below_.push_back({node.links[i].cid, offset, node.block_sizes[i]});
    offset += node.block_sizes[i];
  }
  return {};
}

Result<> FileWalk::add_leaf(const Step& step, std::uint64_t length, LeafKind kind) {
  IA_TRY(count(1));
  if (length > kMaxBlockBytes) {
    return fail(ErrorCode::kMalformedBlock, "leaf {} would have {} bytes, at most {} fit a block", step.cid.text(),
                length, kMaxBlockBytes);
  }
  layout_.leaves.push_back({step.cid, step.offset, length, kind});
  return {};
}

Result<> FileWalk::count(std::size_t blocks) {
  seen_ += blocks;
  if (seen_ <= kMaxFileLeaves && blocks < kMaxFileLeaves) return {};
  return fail(ErrorCode::kLimitExceeded, "file {} has more than {} blocks", layout_.root.text(), kMaxFileLeaves);
}

Result<> FileWalk::end_level() {
  while (waiting_.empty() && !below_.empty()) IA_TRY(next_level());
  return {};
}

// Those of the next level that must be read wait; the others are leaves already.
Result<> FileWalk::next_level() {
  ++depth_;
  std::vector<Step> level;
  std::swap(level, below_);
  std::ranges::stable_sort(level, {}, &Step::offset);
  probes_.clear();
  for (Step& step : level) {
    if (step.cid.codec == Codec::kRaw) {
      IA_TRY(add_leaf(step, step.length, LeafKind::kRaw));
    } else if (is_leaf_ && is_leaf_(step.cid)) {
      IA_TRY(add_leaf(step, step.length, LeafKind::kWrapped));
    } else if (is_inline(step.cid)) {
      IA_ASSIGN(const Block inlined, Block::from_identity(step.cid));
      IA_ASSIGN(const UnixFsNode node, read_unixfs(inlined.verified()));
      IA_TRY(take_node(inlined.verified(), node, step));
    } else {
      if (probes_.size() < 2) probes_.push_back(step.cid);
      if (probes_.size() == 2) probes_[1] = step.cid;
      waiting_[step.cid].push_back(std::move(step));
    }
  }
  if (probes_.size() == 2 && probes_[0] == probes_[1]) probes_.pop_back();
  probes_left_ = leaves_ == Leaves::kProbe ? probes_.size() : 0;
  probes_are_leaves_ = true;
  probed_length_ = 0;
  return {};
}

// Leaves of one file lie at one depth, and none is longer than the first.
Result<> FileWalk::assume_leaves() {
  if (!probes_are_leaves_) return {};
  const bool fit = std::ranges::all_of(waiting_, [&](const auto& entry) {
    return std::ranges::all_of(entry.second, [&](const Step& step) { return step.length <= probed_length_; });
  });
  if (!fit) return {};
  for (const auto& [cid, steps] : waiting_) {
    for (const Step& step : steps) IA_TRY(add_leaf(step, step.length, LeafKind::kWrapped));
  }
  waiting_.clear();
  return {};
}

FileLayout FileWalk::take() {
  // An empty leaf stands before the one that begins at the same offset.
  std::ranges::stable_sort(layout_.leaves, {},
                           [](const Leaf& leaf) { return std::pair(leaf.offset, leaf.length != 0); });
  return std::move(layout_);
}

}  // namespace ipfs_accelerate::content
