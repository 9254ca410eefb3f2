// What is done to encodings after the model: cutting, joining, padding.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "input/text/tokenizer.h"

namespace ipfs_accelerate::input {

/// Appends one special token (no offsets, no word).
void append_special(Encoding& encoding, std::int32_t id, std::string_view token, std::int32_t type_id);
/// Appends `tail`. The windows of the result are all pairs of the windows of both.
void join(Encoding& head, const Encoding& tail);
/// Cuts one encoding to `length` tokens; the rest becomes windows of that length that share `stride` tokens.
/// kInvalidArgument when stride >= length > 0.
Result<void> cut(Encoding& encoding, std::int32_t length, std::int32_t stride, bool left);
/// Cuts a text and its pair to `length` tokens together.
Result<void> truncate(Encoding& encoding, Encoding* pair, const Truncation& truncation, std::int32_t length);
/// Pads every encoding, and its windows, to the same length.
void pad(std::span<Encoding> encodings, const Padding& padding);
/// Sets the sequence of every token, windows included.
void set_sequence(Encoding& encoding, std::int32_t sequence);

}  // namespace ipfs_accelerate::input
