// The syntax tree of a regular expression, between parser and compiler.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "input/text/pattern.h"

namespace ipfs_accelerate::input {

constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

struct PatternNode {
  enum class Kind : std::uint8_t {
    kSequence,
    kAlternatives,
    kSet,
    kRepeat,
    kLookAhead,
    kLookBehind,
    kLineStart,
    kLineEnd
  };
  enum class Mode : std::uint8_t { kGreedy, kLazy, kPossessive };
  Kind kind = Kind::kSequence;
  Mode mode = Mode::kGreedy;
  bool negated = false;
  std::uint32_t min = 0, max = 0;  // of kRepeat
  CharSet set{};                   // of kSet
  std::vector<PatternNode> children{};
};

/// kUnsupportedTokenizer names what is not understood.
Result<PatternNode> parse_pattern(std::string_view source);

}  // namespace ipfs_accelerate::input
