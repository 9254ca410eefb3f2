// Laying a file DAG out as leaves, without trusting a number in it.
#include <algorithm>

#include "content/file_dag.h"

namespace ipfs_accelerate::content {
namespace {

struct Step {
  Cid cid;
  std::uint64_t offset, length;
  int depth;
};

Result<Block> get_any(const Cid& cid, const BlockGetter& get) {
  return cid.hash.function == HashFunction::kIdentity ? Block::from_identity(cid) : get(cid);
}

// A leaf whose block is exactly the envelope around its bytes needs no copy of the block.
bool is_wrapped(const UnixFsNode& node, ByteView block) {
  return node.type == UnixFsType::kFile && encode_unixfs(node).size() == block.size() &&
         std::ranges::equal(encode_unixfs(node), block);
}

class Walk {
 public:
  Walk(const Cid& root, const BlockGetter& get, const std::function<bool(const Cid&)>& is_leaf)
      : get_(get), is_leaf_(is_leaf) {
    layout_.root = root;
  }

  Result<FileLayout> run() {
    IA_TRY(start());
    while (!steps_.empty()) {
      Step step = std::move(steps_.back());
      steps_.pop_back();
      IA_TRY(visit(step));
    }
    return std::move(layout_);
  }

 private:
  Result<> start() {
    IA_ASSIGN(const Block block, get_any(layout_.root, get_));
    IA_ASSIGN(const UnixFsNode node, decode(block));
    layout_.size = node.file_size;
    return expand(block, node, {layout_.root, 0, node.file_size, 0});
  }

  Result<UnixFsNode> decode(const Block& block) {
    auto node = decode_unixfs(block.verified());
    if (!node) return while_doing(std::move(node).error(), "reading block {}", block.cid().text());
    if (node->type == UnixFsType::kFile || node->type == UnixFsType::kRaw) return node;
    return fail(ErrorCode::kMalformedBlock, "{} is no file (UnixFS type {})", block.cid().text(),
                static_cast<int>(node->type));
  }

  Result<> visit(const Step& step) {
    if (step.cid.codec == Codec::kRaw) return add_leaf(step, step.length, LeafKind::kRaw);
    if (is_leaf_ && is_leaf_(step.cid)) return add_leaf(step, step.length, LeafKind::kWrapped);
    IA_ASSIGN(const Block block, get_any(step.cid, get_));
    IA_ASSIGN(const UnixFsNode node, decode(block));
    if (node.file_size != step.length) {
      return fail(ErrorCode::kMalformedBlock, "{} has {} bytes of content, its parent says {}", step.cid.text(),
                  node.file_size, step.length);
    }
    return expand(block, node, step);
  }

  Result<> expand(const Block& block, const UnixFsNode& node, const Step& step) {
    if (step.cid.codec == Codec::kRaw) return add_leaf(step, step.length, LeafKind::kRaw);
    if (node.links.empty() && is_wrapped(node, block.bytes())) return add_leaf(step, step.length, LeafKind::kWrapped);
    IA_TRY(count());
    layout_.nodes.push_back(step.cid);
    if (!node.data.empty()) IA_TRY(add_leaf(step, node.data.size(), LeafKind::kEmbedded));
    return add_children(node, step);
  }

  Result<> add_children(const UnixFsNode& node, const Step& step) {
    if (step.depth == kMaxFileDepth && !node.links.empty()) {
      return fail(ErrorCode::kLimitExceeded, "file {} is deeper than {} levels", layout_.root.text(), kMaxFileDepth);
    }
    const std::size_t first = steps_.size();
    std::uint64_t offset = step.offset + node.data.size();
    for (std::size_t i = 0; i < node.links.size(); ++i) {
      steps_.push_back({node.links[i].cid, offset, node.block_sizes[i], step.depth + 1});
      offset += node.block_sizes[i];
    }
    std::reverse(steps_.begin() + first, steps_.end());  // a stack: the first child goes on top
    return {};
  }

  Result<> add_leaf(const Step& step, std::uint64_t length, LeafKind kind) {
    IA_TRY(count());
    if (length > kMaxBlockBytes) {
      return fail(ErrorCode::kMalformedBlock, "leaf {} would have {} bytes, at most {} fit a block", step.cid.text(),
                  length, kMaxBlockBytes);
    }
    layout_.leaves.push_back({step.cid, step.offset, length, kind});
    return {};
  }

  Result<> count() {
    if (++seen_ <= kMaxFileLeaves) return {};
    return fail(ErrorCode::kLimitExceeded, "file {} has more than {} blocks", layout_.root.text(), kMaxFileLeaves);
  }

  const BlockGetter& get_;
  const std::function<bool(const Cid&)>& is_leaf_;
  FileLayout layout_;
  std::vector<Step> steps_;
  std::size_t seen_ = 0;
};

}  // namespace

Result<FileLayout> layout_file(const Cid& root, const BlockGetter& get,
                               const std::function<bool(const Cid&)>& is_leaf) {
  return Walk(root, get, is_leaf).run();
}

}  // namespace ipfs_accelerate::content
