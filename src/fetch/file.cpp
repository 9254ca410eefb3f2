// Files as verified leaves: reading ranges, reading ahead, and fetching everything below a root.
#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "content/unixfs.h"
#include "fetch/fetcher.h"

namespace ipfs_accelerate::fetch {
namespace {

using content::Leaf;
using content::LeafKind;
using content::VerifiedBytes;

constexpr std::size_t kLastLeaves = 4;
constexpr std::size_t kGroup = kInFlight / 2;  // one group is used while the next is on its way

std::unexpected<Error> wrong_length(const Leaf& leaf, std::uint64_t got) {
  return fail(ErrorCode::kMalformedBlock, "leaf {} has {} bytes, its parent says {}", leaf.cid.text(), got,
              leaf.length);
}

bool equal(const HostBytes& bytes, std::uint64_t offset, const Bytes& expected) {
  Bytes part(expected.size());
  bytes.copy(offset, part);
  return part == expected;
}

/// Where a leaf's content lies in its block. A layout may have assumed that a block is a wrapped leaf: it is looked at.
Result<LeafBytes> content_of(const Leaf& leaf, const VerifiedBytes& block) {
  const HostBytesRef& bytes = block.bytes();
  if (leaf.kind == LeafKind::kRaw) {
    if (bytes->size() != leaf.length) return wrong_length(leaf, bytes->size());
    return LeafBytes{bytes, 0};
  }
  const content::LeafEnvelope envelope = content::leaf_envelope(leaf.length);
  const bool usual = bytes->size() == envelope.before.size() + leaf.length + envelope.after.size() &&
                     equal(*bytes, 0, envelope.before) &&
                     equal(*bytes, bytes->size() - envelope.after.size(), envelope.after);
  if (usual) return LeafBytes{bytes, envelope.before.size()};
  IA_ASSIGN(content::UnixFsNode node, content::decode_unixfs(content::Block::copy_of(block).verified()));
  if (!node.links.empty() || node.data.size() != leaf.length) return wrong_length(leaf, node.data.size());
  return LeafBytes{own_bytes(std::move(node.data)), 0};
}

/// Views of one map that lie side by side, as one.
class Neighbours final : public HostBytes {
 public:
  Neighbours(std::vector<HostBytesRef> parts, const std::uint8_t* data, std::uint64_t size)
      : parts_(std::move(parts)), data_(data), size_(size) {}
  std::uint64_t size() const override { return size_; }
  const std::uint8_t* data() const override { return data_; }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    std::memcpy(into.data(), data_ + offset, into.size());
  }

 private:
  std::vector<HostBytesRef> parts_;
  const std::uint8_t* data_;
  std::uint64_t size_;
};

/// Bytes [offset, offset + length) of a leaf's content.
struct Piece {
  HostBytesRef bytes;
  std::uint64_t offset = 0, length = 0;
  const std::uint8_t* data() const { return bytes->data() ? bytes->data() + offset : nullptr; }
};

BytesView view_of(const std::vector<Piece>& pieces) {
  if (pieces.empty()) return {};
  if (pieces.size() == 1) return BytesView(pieces[0].bytes, pieces[0].offset, pieces[0].length);
  std::uint64_t size = 0;
  bool side_by_side = pieces[0].data() != nullptr;
  std::vector<HostBytesRef> parts;
  for (const Piece& piece : pieces) {
    side_by_side = side_by_side && piece.data() == pieces[0].data() + size;
    size += piece.length;
    parts.push_back(piece.bytes);
  }
  if (side_by_side) {
    return BytesView(std::make_shared<Neighbours>(std::move(parts), pieces[0].data(), size), 0, size);
  }
  Bytes joined(static_cast<std::size_t>(size));
  std::size_t at = 0;
  for (const Piece& piece : pieces) {
    piece.bytes->copy(piece.offset, std::span(joined).subspan(at, static_cast<std::size_t>(piece.length)));
    at += static_cast<std::size_t>(piece.length);
  }
  return BytesView(own_bytes(std::move(joined)), 0, size);
}

}  // namespace

Result<> File::check(Range range) const {
  if (range.begin <= range.end && range.end <= size()) return {};
  return fail(ErrorCode::kLimitExceeded, "bytes {} to {} of {}, which has {}", range.begin, range.end, name_, size());
}

std::vector<std::size_t> File::leaves_in(Range range) const {
  if (range.begin == range.end) return {};
  const auto& all = layout().leaves;
  const auto first = std::ranges::upper_bound(all, range.begin, {}, &Leaf::offset) - 1;
  const auto last = std::ranges::lower_bound(all, range.end, {}, &Leaf::offset);
  std::vector<std::size_t> numbers;
  for (auto at = first; at != last; ++at) numbers.push_back(static_cast<std::size_t>(at - all.begin()));
  return numbers;
}

Async<std::vector<LeafBytes>> File::leaves(std::vector<std::size_t> numbers, Stop stop) const {
  const std::shared_ptr<State> state = state_;
  std::vector<Cid> cids;
  for (const std::size_t i : numbers) cids.push_back(state->layout.leaves[i].cid);
  host::Host& host = fetcher_->impl_->host;
  const auto missing = [&]() -> Async<> {
    if (state->begun || state->layout.leaves.size() < 2) co_return;
    state->begun = true;
    co_await host.keep.begin_file(state->layout);
  };
  const std::vector<VerifiedBytes> blocks = co_await fetcher_->impl_->get_all(std::move(cids), missing, stop);
  std::vector<LeafBytes> leaves;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    leaves.push_back(co_await content_of(state->layout.leaves[numbers[i]], blocks[i]));
  }
  co_return leaves;
}

BytesView File::join(Range range, const std::map<std::size_t, LeafBytes>& leaves) const {
  std::vector<Piece> pieces;
  for (const std::size_t number : leaves_in(range)) {
    const Leaf& leaf = layout().leaves[number];
    const LeafBytes& bytes = leaves.at(number);
    const std::uint64_t begin = std::max(range.begin, leaf.offset);
    const std::uint64_t end = std::min(range.end, leaf.offset + leaf.length);
    pieces.push_back({bytes.bytes, bytes.offset + begin - leaf.offset, end - begin});
  }
  return view_of(pieces);
}

Async<BytesView> File::read(Range range, Stop stop) const {
  co_await check(range);
  const std::shared_ptr<State> state = state_;
  std::map<std::size_t, LeafBytes> held;
  std::vector<std::size_t> numbers = leaves_in(range);
  for (const std::size_t i : numbers) {
    if (const auto last = state->last.find(i); last != state->last.end()) held.insert(*last);
  }
  std::erase_if(numbers, [&](std::size_t i) { return held.contains(i); });
  const std::vector<LeafBytes> fresh = co_await leaves(numbers, stop);
  for (std::size_t i = 0; i < numbers.size(); ++i) held[numbers[i]] = fresh[i];
  const BytesView view = join(range, held);
  while (held.size() > kLastLeaves) held.erase(held.begin());
  state->last = std::move(held);
  co_return view;
}

Async<> File::read_in_order(std::vector<Range> ranges, std::function<Async<>(std::size_t, ByteView)> take,
                            Stop stop) const {
  struct Group {
    std::vector<std::size_t> numbers;
    Reply<std::vector<LeafBytes>> reply;
    bool started = false, taken = false;
  };
  std::vector<Group> groups;
  std::map<std::size_t, std::size_t> uses, group_of;  // by leaf
  for (const Range& range : ranges) {
    co_await check(range);
    for (const std::size_t leaf : leaves_in(range)) {
      if (++uses[leaf] > 1) continue;
      if (groups.empty() || groups.back().numbers.size() == kGroup) groups.emplace_back();
      groups.back().numbers.push_back(leaf);
      group_of[leaf] = groups.size() - 1;
    }
  }
  Executor& executor = co_await this_executor();
  const auto begin = [&](std::size_t g) {
    if (g >= groups.size() || groups[g].started) return;
    groups[g].started = true;
    start(executor, leaves(groups[g].numbers, stop),
          [reply = groups[g].reply](Result<std::vector<LeafBytes>> leaves) { reply.settle(std::move(leaves)); });
  };
  std::map<std::size_t, LeafBytes> held;
  const auto all = [&]() -> Async<> {
    for (std::size_t r = 0; r < ranges.size(); ++r) {
      const std::vector<std::size_t> needed = leaves_in(ranges[r]);
      for (const std::size_t leaf : needed) {
        Group& group = groups[group_of[leaf]];
        begin(group_of[leaf]);
        begin(group_of[leaf] + 1);
        if (group.taken) continue;
        group.taken = true;
        const std::vector<LeafBytes> bytes = co_await group.reply.get();
        for (std::size_t i = 0; i < bytes.size(); ++i) held[group.numbers[i]] = bytes[i];
      }
      const BytesView view = join(ranges[r], held);
      co_await take(r, view.view());
      for (const std::size_t leaf : needed) {
        if (--uses[leaf] == 0) held.erase(leaf);
      }
    }
  };
  const Result<> done = co_await as_result(all());
  for (Group& group : groups) {  // nobody may work for this frame when it goes
    if (group.started && !group.taken) (void)co_await as_result(group.reply.get());
  }
  co_await done;
}

Async<> Fetcher::fetch_dag(Cid root, std::function<void(std::uint64_t, std::uint64_t)> progress, Stop stop) {
  std::uint64_t done = 0, total = 0;
  std::vector<Cid> open(1, root), files;
  std::unordered_set<std::string> seen{content::traversal_key(root)};
  const auto report = [&](std::uint64_t bytes) {
    done += bytes;
    if (progress) progress(done, std::max(done, total));
  };
  while (!open.empty()) {
    const std::vector<VerifiedBytes> blocks = co_await impl_->get_all(std::exchange(open, {}), {}, stop);
    for (const VerifiedBytes& block : blocks) {
      report(block.bytes()->size());
      if (block.cid().codec == content::Codec::kRaw) continue;
      const content::Block copy = content::Block::copy_of(block);
      const content::UnixFsNode node = co_await content::decode_unixfs(copy.verified());
      if (block.cid() == root) {  // what it says of itself is good enough for a progress bar
        for (const content::Link& link : node.links) __builtin_add_overflow(total, link.tsize, &total);
      }
      if (node.links.empty()) continue;
      if (node.type == content::UnixFsType::kFile || node.type == content::UnixFsType::kRaw) {
        files.push_back(block.cid());
        continue;
      }
      for (const content::Link& link : node.links) {
        if (seen.insert(content::traversal_key(link.cid)).second) open.push_back(link.cid);
      }
      if (seen.size() > content::kMaxFileLeaves) {
        co_await fail(ErrorCode::kLimitExceeded, "{} reaches more than {} blocks", root.text(),
                      content::kMaxFileLeaves);
      }
    }
  }
  for (const Cid& cid : files) {
    const File file = co_await open_file(cid, cid.text(), stop);
    std::vector<Cid> leaves;
    for (const Leaf& leaf : file.layout().leaves) leaves.push_back(leaf.cid);
    const std::vector<bool> here = co_await impl_->host.keep.has(leaves);
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (here[i]) report(file.layout().leaves[i].length);
      else missing.push_back(i);
    }
    for (std::size_t i = 0; i < missing.size(); i += kInFlight) {
      const std::size_t end = std::min(missing.size(), i + kInFlight);
      std::vector<std::size_t> group(missing.begin() + static_cast<std::ptrdiff_t>(i),
                                     missing.begin() + static_cast<std::ptrdiff_t>(end));
      const std::vector<LeafBytes> bytes = co_await file.leaves(group, stop);
      for (const std::size_t leaf : group) report(file.layout().leaves[leaf].length);
    }
  }
}

}  // namespace ipfs_accelerate::fetch
