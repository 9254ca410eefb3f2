#include "host/native/keep.h"

namespace ipfs_accelerate::host {
namespace {

constexpr std::uint64_t kBatchBytes = 16u << 20;

}  // namespace

Async<std::vector<bool>> NativeKeep::has(std::vector<content::Cid> cids) {
  co_return co_await lane_.call<std::vector<bool>>([&]() -> Result<std::vector<bool>> {
    IA_ASSIGN(const auto store, library_.reader());
    std::vector<bool> here;
    for (const content::Cid& cid : cids) {
      const std::string key = cid.key();
      here.push_back(unwritten_.contains(key) || (!damaged_.contains(key) && store->has_block(cid)));
    }
    return here;
  });
}

Async<std::vector<HostBytesRef>> NativeKeep::read(std::vector<content::Cid> cids) {
  co_return co_await lane_.call<std::vector<HostBytesRef>>([&]() -> Result<std::vector<HostBytesRef>> {
    IA_ASSIGN(const auto store, library_.reader());
    std::vector<HostBytesRef> blocks;
    for (const content::Cid& cid : cids) {
      if (const auto found = unwritten_.find(cid.key()); found != unwritten_.end()) {
        blocks.push_back(found->second);
        continue;
      }
      HostBytesRef bytes;
      if (!damaged_.contains(cid.key())) {
        IA_ASSIGN(bytes, store->peek(cid));
      }
      blocks.push_back(std::move(bytes));
    }
    return blocks;
  });
}

Result<> NativeKeep::write_pending() {
  if (pending_.empty()) return {};
  const auto written = library_.write<bool>([&](const std::shared_ptr<store::Store>& store) -> Result<bool> {
    for (const Pending& item : pending_) {
      if (item.file) {
        IA_TRY(store->begin_file(*item.file));
      } else {
        const content::Block block = content::Block::copy_of(*item.block);
        if (damaged_.erase(block.cid().key()) > 0) IA_TRY(store->forget_damaged(block.cid()));
        IA_TRY(store->put_block(block.verified()));
      }
    }
    IA_TRY(store->flush());
    return true;
  });
  // A store that another program holds may be free later; where there is no room, there will be none.
  if (!written && written.error().code == ErrorCode::kStoreLocked) return std::unexpected(written.error());
  pending_.clear();
  unwritten_.clear();
  pending_bytes_ = 0;
  if (!written) return std::unexpected(written.error());
  return {};
}

Async<> NativeKeep::begin_file(content::FileLayout layout) {
  co_await lane_.call<void>([&]() -> Result<> {
    pending_.push_back({std::nullopt, std::move(layout)});
    return {};
  });
}

Async<> NativeKeep::put(content::VerifiedBytes block) {
  co_await lane_.call<void>([&]() -> Result<> {
    pending_bytes_ += block.bytes()->size();
    unwritten_[block.cid().key()] = block.bytes();
    pending_.push_back({std::move(block), std::nullopt});
    return pending_bytes_ < kBatchBytes ? Result<>{} : write_pending();
  });
}

Async<> NativeKeep::flush() {
  co_await lane_.call<void>([&] { return write_pending(); });
}

// The store drops a block in the batch that brings it again: what it forgets is lost when it is opened anew.
Async<> NativeKeep::forget(std::vector<content::Cid> cids) {
  co_await lane_.call<void>([&]() -> Result<> {
    for (const content::Cid& cid : cids) damaged_.insert(cid.key());
    return {};
  });
}

}  // namespace ipfs_accelerate::host
