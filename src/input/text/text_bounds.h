// How large a text may become while it is prepared for a model, and how its caller ends that work.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/stop.h"

namespace ipfs_accelerate::input {

/// A text, as it is given and whatever becomes of it, is no larger than this.
inline constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
/// The steps of tokenizer.json may make a text so many times as long, and so many bytes longer still. Published ones
/// stay below: the longest compatible form of a character has 11 times its bytes.
inline constexpr std::size_t kTextGrowth = 16, kTextSlack = std::size_t{1} << 20;
/// How many characters, bytes or tokens are worked through between two looks at the bounds.
inline constexpr std::size_t kBoundsInterval = 4096;

class TextBounds {
 public:
  TextBounds(std::size_t limit, Stop stop) : limit_(limit), whole_(limit), stop_(std::move(stop)) {}
  /// Of all that becomes of a text of `bytes` bytes.
  static TextBounds of(std::size_t bytes, Stop stop, std::size_t slack = kTextSlack) {
    return {std::min(kTextGrowth * bytes + slack, kMaxTextBytes), std::move(stop)};
  }
  /// What is left of the bounds beside `used` bytes.
  TextBounds beside(std::size_t used) const {
    TextBounds rest = *this;
    rest.limit_ -= std::min(used, limit_);
    return rest;
  }

  /// kLimitExceeded, naming the step, where the text has more than its bytes; kCancelled.
  Result<> check(std::size_t bytes, std::string_view step) const {
    if (bytes <= limit_ && !stop_.requested()) [[likely]]
      return {};
    return refuse(step);
  }
  Result<> check_stop() const { return stop_.check(); }
  bool stopped() const { return stop_.requested(); }

 private:
  std::unexpected<Error> refuse(std::string_view step) const {
    if (const auto going_on = stop_.check(); !going_on) return std::unexpected(going_on.error());
    return fail(
        ErrorCode::kLimitExceeded,
        "tokenizer.json: {} makes more than {} bytes of the text; {} times its size and {} bytes are allowed, {} "
        "in all",
        step, whole_, kTextGrowth, kTextSlack, kMaxTextBytes);
  }

  std::size_t limit_, whole_;
  Stop stop_;
};

}  // namespace ipfs_accelerate::input
