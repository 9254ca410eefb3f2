// Symbols: the dimensions that are known per run, by name, and the numbers given to them.
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/ids.h"

namespace ipfs_accelerate {

/// Names that models and tasks share.
inline constexpr std::string_view kBatch = "batch";             ///< sequences of a run
inline constexpr std::string_view kSequence = "sequence";       ///< tokens of the longest one
inline constexpr std::string_view kRows = "rows";               ///< rows picked by SelectRows
inline constexpr std::string_view kPages = "pages";             ///< of the states that grow with the tokens
inline constexpr std::string_view kCrossPages = "cross_pages";  ///< of the states that an encoder writes for a decoder
inline constexpr std::string_view kHeight = "height";           ///< pixels of a picture
inline constexpr std::string_view kWidth = "width";

/// How numbers are rounded up, so that few shape classes are ever compiled.
enum class Bucket : std::uint8_t {
  kCount,      ///< 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 ...: at most a third is padding
  kNewTokens,  ///< 1, else as kLength: one token at a time is no padding
  kLength,     ///< the next multiple of 8 (to 64), 16 (to 256) or 64, at most the symbol's limit
  kExact,      ///< never: heights and widths of pictures, whose edges padding would change
};

/// One dimension: a number, or a symbol of the graph.
struct Dim {
  SymbolId symbol;
  std::int64_t size = 0;  ///< when there is no symbol
  friend bool operator==(const Dim&, const Dim&) = default;
};
inline Dim dim(std::int64_t size) { return {{}, size}; }

/// floor((of + add) / divide): positions of a convolution or a patch along one axis.
struct Factor {
  Dim of;
  std::int64_t add = 0, divide = 1;
  friend bool operator==(const Factor&, const Factor&) = default;
};

/// How a number follows from others: the product of the factors, plus a number. A product with a negative factor is
/// negative: there is no such value.
struct Formula {
  std::vector<Factor> factors{};
  std::int64_t plus = 0;
  friend bool operator==(const Formula&, const Formula&) = default;
};

struct Symbol {
  std::string name;
  Bucket bucket = Bucket::kCount;
  std::int64_t limit = 0;      ///< the largest number the model takes; 0: any
  bool counts_tokens = false;  ///< values with such a dimension are large, so a backend may keep them in half precision
  /// Of symbols that come before it in the table; without factors the symbol is a base one, whose number a run gives.
  Formula formula{};

  bool is_derived() const { return !formula.factors.empty(); }
};

inline Symbol batch_symbol() { return {.name = std::string(kBatch)}; }
/// `limit`: tokens the model takes at most.
inline Symbol sequence_symbol(std::int64_t limit = 0) {
  return {.name = std::string(kSequence), .bucket = Bucket::kLength, .limit = limit, .counts_tokens = true};
}
/// Tokens that a sequence gets in a run, beside those it has.
inline Symbol new_tokens_symbol(std::int64_t limit = 0) {
  return {.name = std::string(kSequence), .bucket = Bucket::kNewTokens, .limit = limit, .counts_tokens = true};
}
/// Pages of states, of which a sequence has at most `each`.
inline Symbol pages_symbol(std::int64_t each) {
  return {.name = std::string(kPages), .bucket = Bucket::kExact, .limit = each};
}
/// The same of those that an encoder writes.
inline Symbol cross_pages_symbol(std::int64_t each) {
  return {.name = std::string(kCrossPages), .bucket = Bucket::kExact, .limit = each};
}
inline Symbol rows_symbol() { return {.name = std::string(kRows), .counts_tokens = true}; }
inline Symbol height_symbol() { return {.name = std::string(kHeight), .bucket = Bucket::kExact}; }
inline Symbol width_symbol() { return {.name = std::string(kWidth), .bucket = Bucket::kExact}; }

/// Numbers for base symbols, by name, and which optional inputs are absent: one compiled executable per shape class.
/// A symbol that is not named is 1.
class ShapeClass {
 public:
  ShapeClass() = default;
  ShapeClass(std::initializer_list<std::pair<std::string_view, std::int64_t>> numbers) {
    for (const auto& [name, number] : numbers) set(name, number);
  }

  void set(std::string_view name, std::int64_t number) { numbers_.insert_or_assign(std::string(name), number); }
  std::int64_t at(std::string_view name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? 1 : found->second;
  }
  const std::map<std::string, std::int64_t, std::less<>>& numbers() const { return numbers_; }
  /// Optional inputs that are absent, by name.
  const std::set<std::string, std::less<>>& absent() const { return absent_; }
  void leave_out(std::string_view input) { absent_.emplace(input); }
  std::string text() const;  ///< "batch 2, sequence 40, without token_type_ids"
  friend auto operator<=>(const ShapeClass&, const ShapeClass&) = default;

 private:
  std::map<std::string, std::int64_t, std::less<>> numbers_;
  std::set<std::string, std::less<>> absent_;
};

}  // namespace ipfs_accelerate
