// Files as verified leaves: reading ranges, and reading ahead.
#include <algorithm>
#include <cstring>

#include "fetch/impl.h"

namespace ipfs_accelerate::fetch {
namespace {

using content::FileLayout;
using content::Leaf;
using content::LeafKind;

constexpr std::size_t kBatchLeaves = kInFlight / 2;  // one batch is used while the next is read

/// A leaf's content inside its block.
struct Piece {
  HostBytesRef bytes;
  std::uint64_t offset = 0, length = 0;
};

/// Several host bytes that lie side by side in memory.
class JoinedBytes final : public HostBytes {
 public:
  JoinedBytes(std::vector<HostBytesRef> parts, ByteView view) : parts_(std::move(parts)), view_(view) {}
  std::uint64_t size() const override { return view_.size(); }
  const std::uint8_t* data() const override { return view_.data(); }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    std::memcpy(into.data(), view_.data() + offset, into.size());
  }

 private:
  std::vector<HostBytesRef> parts_;  // keeps them alive
  ByteView view_;
};

// Leaves that share a byte with the range: [first, last).
std::pair<std::size_t, std::size_t> leaves_in(const FileLayout& layout, const Range& range) {
  if (range.begin == range.end) return {0, 0};
  const auto first = std::ranges::upper_bound(layout.leaves, range.begin, {}, &Leaf::offset);
  const auto last = std::ranges::lower_bound(layout.leaves, range.end, {}, &Leaf::offset);
  return {static_cast<std::size_t>(first - layout.leaves.begin()) - 1,
          static_cast<std::size_t>(last - layout.leaves.begin())};
}

Result<> check_range(const std::string& name, const Range& range, std::uint64_t size) {
  if (range.begin <= range.end && range.end <= size) return {};
  return fail(ErrorCode::kLimitExceeded, "{} has {} bytes; [{}, {}) was asked for", name, size, range.begin, range.end);
}

std::unexpected<Error> wrong_length(const Leaf& leaf, std::uint64_t length) {
  return fail(ErrorCode::kMalformedBlock, "leaf {} has {} bytes, its parent says {}", leaf.cid.text(), length,
              leaf.length);
}

// A dag-pb leaf: where its bytes lie in the block, or a copy when it is not written as ours are.
Result<Piece> unwrap(const VerifiedBlock& block, const HostBytesRef& bytes, const Leaf& leaf) {
  IA_ASSIGN(content::UnixFsNode node, content::decode_unixfs(block));
  const bool file = node.type == content::UnixFsType::kFile || node.type == content::UnixFsType::kRaw;
  if (!file) return fail(ErrorCode::kMalformedBlock, "{} is no part of a file", leaf.cid.text());
  if (leaf.kind == LeafKind::kWrapped && !node.links.empty()) {
    return fail(ErrorCode::kMalformedBlock, "the leaves of this file lie at different depths ({} has links)",
                leaf.cid.text());
  }
  if (node.data.size() != leaf.length) return wrong_length(leaf, node.data.size());
  const std::uint64_t before = content::leaf_envelope(leaf.length).before.size();
  const bool ours = leaf.kind == LeafKind::kWrapped && before + leaf.length <= block.bytes().size() &&
                    std::ranges::equal(block.bytes().subspan(before, leaf.length), node.data);
  if (ours) return Piece{bytes, before, leaf.length};
  return Piece{own_bytes(std::move(node.data)), 0, leaf.length};
}

Result<Piece> content_of(const VerifiedBytes& block, const Leaf& leaf) {
  if (leaf.kind != LeafKind::kRaw) {
    return with_block(block, [&](const VerifiedBlock& view) { return unwrap(view, block.bytes(), leaf); });
  }
  if (block.bytes()->size() != leaf.length) return wrong_length(leaf, block.bytes()->size());
  return Piece{block.bytes(), 0, leaf.length};
}

bool lie_side_by_side(const std::vector<Piece>& pieces) {
  const std::uint8_t* end = nullptr;
  for (const Piece& piece : pieces) {
    const std::uint8_t* const data = piece.bytes->data();
    if (data == nullptr || (end != nullptr && data + piece.offset != end)) return false;
    end = data + piece.offset + piece.length;
  }
  return true;
}

BytesView join(const std::vector<Piece>& pieces, std::uint64_t length) {
  if (pieces.empty()) return {};
  if (pieces.size() == 1) return BytesView(pieces[0].bytes, pieces[0].offset, length);
  if (lie_side_by_side(pieces)) {
    std::vector<HostBytesRef> parts;
    for (const Piece& piece : pieces) parts.push_back(piece.bytes);
    const ByteView all(pieces[0].bytes->data() + pieces[0].offset, static_cast<std::size_t>(length));
    return BytesView(std::make_shared<JoinedBytes>(std::move(parts), all), 0, length);
  }
  Bytes bytes(static_cast<std::size_t>(length));
  std::size_t at = 0;
  for (const Piece& piece : pieces) {
    const auto count = static_cast<std::size_t>(piece.length);
    piece.bytes->copy(piece.offset, std::span(bytes).subspan(at, count));
    at += count;
  }
  return BytesView(own_bytes(std::move(bytes)), 0, length);
}

// The range's bytes out of the leaves from `first` on.
Result<BytesView> cut(const FileLayout& layout, std::size_t first, const std::vector<const VerifiedBytes*>& blocks,
                      const Range& range) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Leaf& leaf = layout.leaves[first + i];
    if (leaf.length == 0) continue;
    IA_ASSIGN(Piece piece, content_of(*blocks[i], leaf));
    const std::uint64_t begin = std::max(range.begin, leaf.offset);
    const std::uint64_t end = std::min(range.end, leaf.offset + leaf.length);
    piece.offset += begin - leaf.offset;
    piece.length = end - begin;
    pieces.push_back(std::move(piece));
  }
  return join(pieces, range.end - range.begin);
}

/// Reads the leaves of ranges in batches, one ahead of what is used.
class ReadAhead {
 public:
  using Read = std::function<Async<std::vector<VerifiedBytes>>(std::vector<std::size_t> leaves)>;
  ReadAhead(const FileLayout& layout, const std::vector<Range>& ranges, Read read)
      : layout_(layout), ranges_(ranges), read_(std::move(read)) {
    for (std::size_t r = 0; r < ranges.size(); ++r) {
      const auto [first, last] = leaves_in(layout, ranges[r]);
      for (std::size_t leaf = first; leaf < last; ++leaf) {
        if (last_use_.try_emplace(leaf, r).second) order_.push_back(leaf);
        last_use_[leaf] = r;
      }
    }
  }

  Async<BytesView> range(std::size_t r) {
    const auto [first, last] = leaves_in(layout_, ranges_[r]);
    std::vector<const VerifiedBytes*> blocks;
    for (std::size_t leaf = first; leaf < last; ++leaf) {
      while (!held_.contains(leaf)) co_await next_batch();
      blocks.push_back(&held_.at(leaf));
    }
    co_return cut(layout_, first, blocks, ranges_[r]);
  }

  /// The leaves that no later range needs.
  void drop(std::size_t r) {
    const auto [first, last] = leaves_in(layout_, ranges_[r]);
    for (std::size_t leaf = first; leaf < last; ++leaf) {
      if (last_use_[leaf] == r) held_.erase(leaf);
    }
  }

  /// Nothing may work for this object when it goes.
  Async<> end() {
    if (ahead_) (void)co_await as_result(ahead_->blocks.get());
    ahead_.reset();
  }

 private:
  struct Ahead {
    std::vector<std::size_t> leaves;
    Reply<std::vector<VerifiedBytes>> blocks;
  };

  Async<> next_batch() {
    Executor& executor = co_await this_executor();
    if (!ahead_) begin(executor);
    const Ahead batch = *std::move(ahead_);
    ahead_.reset();
    const auto blocks = co_await as_result(batch.blocks.get());
    co_await blocks.transform([](const auto&) {});
    begin(executor);
    for (std::size_t i = 0; i < batch.leaves.size(); ++i) held_.insert_or_assign(batch.leaves[i], (*blocks)[i]);
  }

  void begin(Executor& executor) {
    if (next_ == order_.size()) return;
    Ahead batch;
    while (batch.leaves.size() < kBatchLeaves && next_ < order_.size()) batch.leaves.push_back(order_[next_++]);
    start(executor, read_(batch.leaves),
          [reply = batch.blocks](Result<std::vector<VerifiedBytes>> blocks) { reply.settle(std::move(blocks)); });
    ahead_ = std::move(batch);
  }

  const FileLayout& layout_;
  const std::vector<Range>& ranges_;
  Read read_;
  std::vector<std::size_t> order_;  // distinct leaves, as they are needed
  std::size_t next_ = 0;
  std::unordered_map<std::size_t, std::size_t> last_use_;
  std::unordered_map<std::size_t, VerifiedBytes> held_;
  std::optional<Ahead> ahead_;
};

Async<> hand_out(ReadAhead& ahead, std::size_t count, std::function<Async<>(std::size_t, ByteView)>& take, Stop stop) {
  for (std::size_t r = 0; r < count; ++r) {
    co_await stop.check();
    const BytesView bytes = co_await ahead.range(r);
    co_await take(r, bytes.view());
    ahead.drop(r);
  }
}

std::vector<Cid> cids_of(const FileLayout& layout, const std::vector<std::size_t>& leaves) {
  std::vector<Cid> cids;
  for (const std::size_t leaf : leaves) cids.push_back(layout.leaves[leaf].cid);
  return cids;
}

}  // namespace

const content::FileLayout& File::layout() const { return state_->layout; }

Async<BytesView> File::read(Range range, Stop stop) const {
  const std::shared_ptr<State> state = state_;  // this object need not live on
  Fetcher* const fetcher = fetcher_;
  co_await check_range(name_, range, state->layout.size);
  const auto [first, last] = leaves_in(state->layout, range);
  std::vector<VerifiedBytes> blocks;
  if (state->only && last > first) {
    blocks.push_back(*state->only);
  } else if (last > first) {
    std::vector<Cid> cids;
    for (std::size_t leaf = first; leaf < last; ++leaf) cids.push_back(state->layout.leaves[leaf].cid);
    blocks = co_await fetcher->impl_->get(std::move(cids), state, stop);
  }
  std::vector<const VerifiedBytes*> views;
  for (const VerifiedBytes& block : blocks) views.push_back(&block);
  co_return cut(state->layout, first, views, range);
}

Async<> File::read_in_order(std::vector<Range> ranges, std::function<Async<>(std::size_t, ByteView)> take,
                            Stop stop) const {
  const std::shared_ptr<State> state = state_;
  Fetcher::Impl* const impl = fetcher_->impl_.get();
  for (const Range& range : ranges) co_await check_range(name_, range, state->layout.size);
  Stop inner;  // what is read ahead ends with the caller's stop, and when `take` fails
  const Stop::Listener listener = stop.listen([inner] { inner.request(); });
  co_await stop.check();
  ReadAhead ahead(state->layout, ranges, [impl, state, inner](std::vector<std::size_t> leaves) {
    return impl->get(cids_of(state->layout, leaves), state, inner);
  });
  const Result<> done = co_await as_result(hand_out(ahead, ranges.size(), take, inner));
  if (!done) inner.request();
  co_await ahead.end();
  co_await done;
}

std::uint64_t File::bytes_touched(const std::vector<Range>& ranges) const {
  std::unordered_set<std::size_t> seen;
  std::uint64_t bytes = 0;
  for (const Range& range : ranges) {
    if (range.begin >= range.end || range.end > size()) continue;
    const auto [first, last] = leaves_in(layout(), range);
    for (std::size_t leaf = first; leaf < last; ++leaf) {
      if (seen.insert(leaf).second) bytes += layout().leaves[leaf].length;
    }
  }
  return bytes;
}

}  // namespace ipfs_accelerate::fetch
