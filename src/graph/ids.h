// Ids of a graph's values, weights, symbols and states: types of their own, so that a mix-up does not compile.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace ipfs_accelerate {

/// A place in one of the graph's tables; negative: none.
template <class Tag>
struct Id {
  std::int32_t number = -1;

  explicit operator bool() const { return number >= 0; }
  std::size_t index() const { return static_cast<std::size_t>(number); }
  friend auto operator<=>(const Id&, const Id&) = default;
};

using ValueId = Id<struct ValueTag>;
using WeightId = Id<struct WeightTag>;
using SymbolId = Id<struct SymbolTag>;
using StateId = Id<struct StateTag>;
inline constexpr ValueId kNoValue{};
inline constexpr WeightId kNoWeight{};

/// The id of an index.
template <class IdType>
IdType id_of(std::size_t index) {
  return {static_cast<std::int32_t>(index)};
}

}  // namespace ipfs_accelerate
