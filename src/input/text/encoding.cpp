// Truncation, joining and padding of encodings.
#include "input/text/encoding.h"

#include <algorithm>
#include <utility>

namespace ipfs_accelerate::input {
namespace {

template <class Visit>
void for_each_column(Visit visit) {
  visit(&Encoding::ids);
  visit(&Encoding::type_ids);
  visit(&Encoding::attention_mask);
  visit(&Encoding::special_tokens_mask);
  visit(&Encoding::tokens);
  visit(&Encoding::offsets);
  visit(&Encoding::word_ids);
  visit(&Encoding::sequence_ids);
}

Encoding slice(const Encoding& encoding, std::size_t begin, std::size_t end) {
  Encoding result;
  for_each_column([&](auto column) {
    const auto& from = encoding.*column;
    (result.*column)
        .assign(from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end));
  });
  return result;
}

void append_columns(Encoding& head, const Encoding& tail) {
  for_each_column(
      [&](auto column) { (head.*column).insert((head.*column).end(), (tail.*column).begin(), (tail.*column).end()); });
}

void pad_one(Encoding& encoding, std::size_t length, const Padding& padding) {
  for (Encoding& window : encoding.overflowing) pad_one(window, length, padding);
  if (encoding.ids.size() >= length) return;
  const std::size_t count = length - encoding.ids.size();
  const auto fill = [&](auto& column, const auto& value) {
    column.insert(padding.left ? column.begin() : column.end(), count, value);
  };
  fill(encoding.ids, padding.pad_id);
  fill(encoding.type_ids, padding.pad_type_id);
  fill(encoding.attention_mask, 0);
  fill(encoding.special_tokens_mask, 1);
  fill(encoding.tokens, padding.pad_token);
  fill(encoding.offsets, Offsets{0, 0});
  fill(encoding.word_ids, std::optional<std::int32_t>());
  fill(encoding.sequence_ids, std::optional<std::int32_t>());
}

// Lengths to cut a text and its pair to, so that both fit: the longer one gives first.
std::pair<std::int32_t, std::int32_t> share(std::int32_t first, std::int32_t second, std::int32_t length) {
  const std::int32_t shorter = std::min(first, second);
  std::int32_t longer = shorter > length ? shorter : std::max(shorter, length - shorter);
  std::int32_t least = shorter;
  if (std::int64_t{least} + longer > length) {
    least = length / 2;
    longer = least + length % 2;
  }
  return first > second ? std::pair(longer, least) : std::pair(least, longer);
}

}  // namespace

void append_special(Encoding& encoding, std::int32_t id, std::string_view token, std::int32_t type_id) {
  encoding.ids.push_back(id);
  encoding.type_ids.push_back(type_id);
  encoding.attention_mask.push_back(1);
  encoding.special_tokens_mask.push_back(1);
  encoding.tokens.emplace_back(token);
  encoding.offsets.emplace_back(0, 0);
  encoding.word_ids.emplace_back();
  encoding.sequence_ids.emplace_back();
}

void join(Encoding& head, const Encoding& tail) {
  std::vector<Encoding> windows;
  const auto add = [&](const Encoding& a, const Encoding& b) {
    Encoding window = slice(a, 0, a.ids.size());
    append_columns(window, b);
    windows.push_back(std::move(window));
  };
  for (const Encoding& window : head.overflowing) {
    add(window, tail);
    for (const Encoding& other : tail.overflowing) add(window, other);
  }
  for (const Encoding& other : tail.overflowing) add(head, other);
  append_columns(head, tail);
  head.overflowing = std::move(windows);
}

Result<void> cut(Encoding& encoding, std::int32_t length, std::int32_t stride, bool left) {
  const auto size = static_cast<std::int64_t>(encoding.ids.size());
  if (length >= size) return {};
  if (length == 0) {
    Encoding all = std::move(encoding);
    encoding = {};
    encoding.overflowing.push_back(std::move(all));
    return {};
  }
  if (stride >= length) {
    return fail(ErrorCode::kInvalidArgument,
                "truncation: stride {} must be less than the {} tokens that remain beside special tokens", stride,
                length);
  }
  std::vector<Encoding> windows;
  const std::int64_t step = length - stride;
  for (std::int64_t done = 0; done < size; done += step) {
    const std::int64_t begin = left ? std::max<std::int64_t>(size - done - length, 0) : done;
    const std::int64_t end = left ? size - done : std::min<std::int64_t>(done + length, size);
    windows.push_back(slice(encoding, static_cast<std::size_t>(begin), static_cast<std::size_t>(end)));
    if (left ? begin == 0 : end == size) break;
  }
  encoding = std::move(windows.front());
  windows.erase(windows.begin());
  encoding.overflowing = std::move(windows);
  return {};
}

Result<void> truncate(Encoding& encoding, Encoding* pair, const Truncation& truncation, std::int32_t length) {
  const auto first = static_cast<std::int32_t>(encoding.ids.size());
  const auto second = pair ? static_cast<std::int32_t>(pair->ids.size()) : 0;
  const auto cut_to = [&](Encoding& target, std::int32_t to) {
    return cut(target, to, truncation.stride, truncation.left);
  };
  if (length == 0) {
    IA_TRY(cut_to(encoding, 0));
    return pair ? cut_to(*pair, 0) : Result<void>();
  }
  const std::int64_t excess = std::int64_t{first} + second - length;
  if (excess <= 0) return {};
  if (truncation.strategy == TruncationStrategy::kLongestFirst) {
    if (!pair) return cut_to(encoding, length);
    const auto [to_first, to_second] = share(first, second, length);
    IA_TRY(cut_to(encoding, to_first));
    return cut_to(*pair, to_second);
  }
  const bool only_first = truncation.strategy == TruncationStrategy::kOnlyFirst;
  if (!only_first && !pair)
    return fail(ErrorCode::kInvalidArgument, "truncation: only_second needs a second sequence, and there is none");
  Encoding& target = only_first ? encoding : *pair;
  const std::int64_t remains = (only_first ? first : second) - excess;
  if (remains <= 0) {
    return fail(ErrorCode::kInvalidArgument, "truncation: {} sequence is too short to lose {} tokens",
                only_first ? "the first" : "the second", excess);
  }
  return cut_to(target, static_cast<std::int32_t>(remains));
}

void pad(std::span<Encoding> encodings, const Padding& padding) {
  std::size_t length = static_cast<std::size_t>(std::max(padding.length.value_or(0), 0));
  if (!padding.length) {
    for (const Encoding& encoding : encodings) length = std::max(length, encoding.ids.size());
  }
  if (padding.multiple_of && *padding.multiple_of > 0) {
    const auto multiple = static_cast<std::size_t>(*padding.multiple_of);
    length = (length + multiple - 1) / multiple * multiple;
  }
  for (Encoding& encoding : encodings) pad_one(encoding, length, padding);
}

void set_sequence(Encoding& encoding, std::int32_t sequence) {
  std::ranges::fill(encoding.sequence_ids, sequence);
  for (Encoding& window : encoding.overflowing) set_sequence(window, sequence);
}

}  // namespace ipfs_accelerate::input
