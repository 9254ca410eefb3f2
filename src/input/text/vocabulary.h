// The tokens of a model, by text and by id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "input/text/fields.h"

namespace ipfs_accelerate::input {

/// A hash of a few bytes.
std::uint64_t hash_bytes(std::string_view bytes);

/// Open addressing from 64-bit keys to 64-bit values; built once, then only read.
class NumberMap {
 public:
  static constexpr std::uint64_t kAbsent = ~std::uint64_t{0};
  explicit NumberMap(std::size_t entries = 0);
  /// Keys other than kAbsent; a key set twice keeps the later value.
  void set(std::uint64_t key, std::uint64_t value);
  std::uint64_t get(std::uint64_t key) const {
    for (std::size_t i = slot(key);; i = (i + 1) & mask_) {
      if (entries_[i].key == key) return entries_[i].value;
      if (entries_[i].key == kAbsent) return kAbsent;
    }
  }

 private:
  struct Entry {
    std::uint64_t key = kAbsent, value = kAbsent;
  };
  std::size_t slot(std::uint64_t key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 20) & mask_;
  }
  void grow();
  std::vector<Entry> entries_;
  std::size_t mask_ = 0, used_ = 0;
};

/// Token texts and ids. Several texts may share an id; a text has one id.
class Vocabulary {
 public:
  Vocabulary() = default;
  /// From {"token": id, ...}. kMissingTokenizer when empty, kMalformedConfig for ids that are no numbers or far apart.
  static Result<Vocabulary> from_json(const Fields& model);
  /// From [["token", score], ...]: a token's id is its place, a text that stands there twice has the later id. `scores`
  /// gets one per id.
  static Result<Vocabulary> from_list(const Fields& model, std::vector<double>& scores);

  /// -1 when absent.
  std::int32_t id(std::string_view token) const;
  /// Empty when absent (a token is never empty then: `has` tells).
  std::string_view token(std::int32_t id) const;
  bool has(std::int32_t id) const;
  /// Every text once, with its id.
  std::vector<std::pair<std::string_view, std::int32_t>> all() const;
  /// How many the file lists.
  std::size_t size() const { return size_; }
  /// One more than the largest id.
  std::int32_t id_limit() const { return static_cast<std::int32_t>(by_id_.size()); }

 private:
  struct Entry {
    std::uint32_t begin = 0, size = 0;
    std::int32_t id = -1;
  };
  explicit Vocabulary(std::size_t size);
  void add(std::string_view token, std::int32_t id);
  std::string_view text(const Entry& entry) const { return std::string_view(texts_).substr(entry.begin, entry.size); }
  std::string texts_;
  std::vector<Entry> slots_;  // hashed by text
  std::vector<Entry> by_id_;
  std::size_t size_ = 0;
};

}  // namespace ipfs_accelerate::input
