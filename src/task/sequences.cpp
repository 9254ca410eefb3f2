// Taking, sharing and giving back pages.
#include "task/sequences.h"

#include <algorithm>

namespace ipfs_accelerate {

Pages::Pages(std::int64_t count) : users_(static_cast<std::size_t>(count)) {
  for (std::int64_t page = count; page-- > 0;) free_.push_back(static_cast<std::int32_t>(page));
}

Result<std::int32_t> Pages::take() {
  if (free_.empty()) return fail(ErrorCode::kLimitExceeded, "all {} pages of the cache are in use", users_.size());
  const std::int32_t page = free_.back();
  free_.pop_back();
  users_[static_cast<std::size_t>(page)] = 1;
  return page;
}

void Pages::give_back(std::int32_t page) {
  if (--users_[static_cast<std::size_t>(page)] > 0) return;
  free_.insert(std::ranges::upper_bound(free_, page, std::greater{}), page);
}

Result<> Sequence::reserve(std::int64_t rows) {
  const auto before = table_.size();
  while (static_cast<std::int64_t>(table_.size()) < pages_of(length_ + rows)) {
    const auto page = pages_->take();
    if (!page) {
      for (; table_.size() > before; table_.pop_back()) pages_->give_back(table_.back());
      return std::unexpected(page.error());
    }
    table_.push_back(*page);
  }
  return {};
}

Result<> Sequence::truncate(std::int64_t length, std::vector<PageCopy>& copies) {
  if (length < 0 || length > length_) {
    return fail(ErrorCode::kInvalidArgument, "a sequence of {} rows cannot be cut to {}", length_, length);
  }
  const auto full = static_cast<std::size_t>(length / kPageRows);
  if (length % kPageRows != 0 && pages_->shared(table_[full])) {
    IA_ASSIGN(const std::int32_t own, pages_->take());
    copies.emplace_back(table_[full], own);
    pages_->give_back(std::exchange(table_[full], own));
  }
  for (; static_cast<std::int64_t>(table_.size()) > pages_of(length); table_.pop_back()) {
    pages_->give_back(table_.back());
  }
  length_ = length;
  return {};
}

Result<Sequence> Sequence::fork(std::vector<PageCopy>& copies) const {
  Sequence made(*pages_);
  const auto full = static_cast<std::size_t>(length_ / kPageRows);
  if (length_ % kPageRows != 0) {
    IA_ASSIGN(const std::int32_t own, pages_->take());
    copies.emplace_back(table_[full], own);
    made.table_.push_back(own);
  }
  for (std::size_t i = full; i-- > 0;) {
    pages_->share(table_[i]);
    made.table_.insert(made.table_.begin(), table_[i]);
  }
  made.length_ = length_;
  return made;
}

void Sequence::drop() {
  for (const std::int32_t page : table_) pages_->give_back(page);
  table_.clear();
  length_ = 0;
}

}  // namespace ipfs_accelerate
