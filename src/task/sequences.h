// Pages and sequences: which pages of a model's states belong to which sequence. Tables and counts only; the rows
// themselves stay on the device.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "graph/pages.h"

namespace ipfs_accelerate {

/// The pages of states that share page numbers. Sequences share full pages only, which nobody writes any more.
class Pages {
 public:
  explicit Pages(std::int64_t count);
  std::int64_t count() const { return static_cast<std::int64_t>(users_.size()); }
  std::int64_t free() const { return static_cast<std::int64_t>(free_.size()); }

 private:
  friend class Sequence;
  /// The free page with the lowest number. kLimitExceeded when there is none.
  Result<std::int32_t> take();
  bool shared(std::int32_t page) const { return users_[static_cast<std::size_t>(page)] > 1; }
  void share(std::int32_t page) { ++users_[static_cast<std::size_t>(page)]; }
  void give_back(std::int32_t page);

  std::vector<std::int32_t> users_;  ///< of each page
  std::vector<std::int32_t> free_;   ///< highest first
};

/// A page that the device must copy before any sequence adds a row.
using PageCopy = std::pair<std::int32_t, std::int32_t>;  ///< from, to

/// The rows of one sequence. Gives its pages back when it goes; `pages` must outlive it.
class Sequence {
 public:
  explicit Sequence(Pages& pages) : pages_(&pages) {}
  Sequence(Sequence&& other) noexcept
      : pages_(other.pages_), table_(std::exchange(other.table_, {})), length_(std::exchange(other.length_, 0)) {}
  Sequence& operator=(Sequence&& other) noexcept {
    std::swap(pages_, other.pages_);
    std::swap(table_, other.table_);
    std::swap(length_, other.length_);
    return *this;
  }
  ~Sequence() { drop(); }

  std::int64_t length() const { return length_; }
  std::span<const std::int32_t> table() const { return table_; }  ///< its pages, in order

  /// Takes pages for so many rows more. kLimitExceeded leaves it as it was.
  Result<> reserve(std::int64_t rows);
  /// So many rows were added.
  void advance(std::int64_t rows) { length_ += rows; }
  /// Forgets all but the first `length` rows. A page that others share and that is no longer full here is copied.
  /// kInvalidArgument when there are fewer rows; kLimitExceeded leaves it as it was.
  Result<> truncate(std::int64_t length, std::vector<PageCopy>& copies);
  /// A sequence that goes on from the same rows: full pages are shared, one that is not full is copied.
  Result<Sequence> fork(std::vector<PageCopy>& copies) const;
  /// Gives everything back; the sequence is empty then.
  void drop();

 private:
  Pages* pages_;
  std::vector<std::int32_t> table_;
  std::int64_t length_ = 0;
};

}  // namespace ipfs_accelerate
