// Walks over everything below a root: each block once, or in the order of a CAR.
#include <algorithm>

#include "content/shard.h"
#include "content/walk.h"

namespace ipfs_accelerate::content {
namespace {

constexpr int kMaxDagDepth = 1024;

bool is_inline(const Cid& cid) { return cid.hash.function == HashFunction::kIdentity; }

}  // namespace

std::string traversal_key(const Cid& cid) { return std::to_string(static_cast<std::uint64_t>(cid.codec)) + cid.key(); }

DagWalk::DagWalk(Cid root) : root_(std::move(root)) {
  seen_.insert(traversal_key(root_));
  waiting_.insert(root_);  // also when it is inlined: somebody asked for it by name
}

std::vector<Cid> DagWalk::needs() const { return {waiting_.begin(), waiting_.end()}; }

Result<> DagWalk::give(const VerifiedBlock& block, bool follow) {
  if (waiting_.erase(block.cid()) == 0) return {};
  if (!follow || block.cid().codec != Codec::kDagPb) return {};
  IA_ASSIGN(const DagPbNode node, decode_dag_pb(block.bytes()));
  for (const Link& link : node.links) IA_TRY(add(link.cid));
  return {};
}

// An inlined block is followed at once; each is smaller than the one that holds it, so this ends.
Result<> DagWalk::add(const Cid& cid) {
  if (!seen_.insert(traversal_key(cid)).second) return {};
  if (seen_.size() > kMaxFileLeaves) {
    return fail(ErrorCode::kLimitExceeded, "{} reaches more than {} blocks", root_.text(), kMaxFileLeaves);
  }
  if (!is_inline(cid)) {
    waiting_.insert(cid);
    return {};
  }
  if (cid.codec != Codec::kDagPb) return {};
  IA_ASSIGN(const DagPbNode node, decode_dag_pb(cid.hash.digest));
  for (const Link& link : node.links) IA_TRY(add(link.cid));
  return {};
}

CarWalk::CarWalk(const std::vector<Cid>& path, CarSelection selection) : selection_(std::move(selection)) {
  for (std::size_t i = path.size(); i-- > 0;) {
    const bool target = i + 1 == path.size();
    stack_.push_back({.cid = path[i], .in_path = !target, .is_target = target});
  }
  skip_seen();
}

std::vector<Cid> CarWalk::needs() const { return stack_.empty() ? std::vector<Cid>{} : std::vector{stack_.back().cid}; }

bool CarWalk::is_whole(const Visit& visit) const {
  return !visit.in_path && (!visit.in_file || (visit.offset >= first_ && visit.offset + visit.length <= last_ + 1));
}

// Takes what need not be read off the stack. A block that was met before is read again only when less than all below
// it was wanted then.
void CarWalk::skip_seen() {
  for (; !stack_.empty(); stack_.pop_back()) {
    Visit& top = stack_.back();
    if (selection_.duplicates || top.is_target) return;
    const auto [seen, fresh] = seen_.try_emplace(traversal_key(top.cid), is_whole(top));
    if (fresh) return;
    if (!seen->second && !top.in_path) {
      seen->second = is_whole(top);
      top.emit = false;
      return;
    }
  }
}

Result<> CarWalk::give(const VerifiedBlock& block) {
  if (stack_.empty() || block.cid() != stack_.back().cid) {
    return fail(ErrorCode::kInternal, "a CAR's walk was given {} out of turn", block.cid().text());
  }
  const Visit visit = std::move(stack_.back());
  stack_.pop_back();
  emits_ = visit.emit && !is_inline(visit.cid);  // an identity CID carries its block itself
  if (!visit.in_path) IA_TRY(push_links(visit, block));
  skip_seen();
  return {};
}

void CarWalk::bound_range(const UnixFsNode& file) {
  if (!selection_.entity_bytes) return;
  const auto& [from, to] = *selection_.entity_bytes;
  const auto size = static_cast<std::int64_t>(std::min<std::uint64_t>(file.file_size, INT64_MAX));
  const std::int64_t first = from < 0 ? std::max<std::int64_t>(size + from, 0) : from;
  const std::int64_t last = !to ? size - 1 : *to < 0 ? size + *to : *to;
  // When nothing of the file is asked for, its root block alone proves that.
  first_ = last < first ? UINT64_MAX : static_cast<std::uint64_t>(first);
  last_ = last < first ? 0 : static_cast<std::uint64_t>(last);
}

Result<> CarWalk::push_links(const Visit& visit, const VerifiedBlock& block) {
  using Scope = CarSelection::Scope;
  if (visit.cid.codec != Codec::kDagPb || (visit.is_target && selection_.scope == Scope::kBlock)) return {};
  if (visit.depth > kMaxDagDepth) {
    return fail(ErrorCode::kLimitExceeded, "a DAG deeper than {} blocks", kMaxDagDepth);
  }
  std::vector<Link> links;
  if (selection_.scope == Scope::kAll && !selection_.entity_bytes) {
    IA_ASSIGN(DagPbNode node, decode_dag_pb(block.bytes()));
    links = std::move(node.links);
  } else {
    IA_ASSIGN(UnixFsNode node, read_unixfs(block));
    if (node.type == UnixFsType::kFile || node.type == UnixFsType::kRaw) return push_file(visit, node);
    const bool shards = node.type == UnixFsType::kHamtShard;
    const std::size_t digits = shards ? shard_digits(node) : 0;
    if (selection_.scope != Scope::kAll) {  // listing a sharded folder takes all its shards
      std::erase_if(node.links, [&](const Link& link) { return !shards || link.name.size() != digits; });
    }
    links = std::move(node.links);
  }
  for (auto link = links.rbegin(); link != links.rend(); ++link) {
    stack_.push_back({.cid = std::move(link->cid), .depth = visit.depth + 1});
  }
  return {};
}

Result<> CarWalk::push_file(const Visit& visit, const UnixFsNode& node) {
  if (visit.is_target) bound_range(node);
  std::vector<Visit> children;
  std::uint64_t offset = visit.offset + node.data.size();
  for (std::size_t i = 0; i < node.links.size(); ++i) {
    const std::uint64_t length = node.block_sizes[i];
    const bool wanted = length == 0 || (offset <= last_ && offset + length > first_);
    if (wanted) {
      children.push_back(
          {.cid = node.links[i].cid, .offset = offset, .length = length, .in_file = true, .depth = visit.depth + 1});
    }
    offset += length;
  }
  stack_.insert(stack_.end(), std::make_move_iterator(children.rbegin()), std::make_move_iterator(children.rend()));
  return {};
}

}  // namespace ipfs_accelerate::content
