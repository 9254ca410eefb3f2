// Hash tables for token texts, ids and pairs of ids.
#include "input/text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace ipfs_accelerate::input {

std::uint64_t hash_bytes(std::string_view bytes) {
  constexpr std::uint64_t kMultiplier = 0x9FB21C651E98DF25u;
  std::uint64_t hash = bytes.size() * kMultiplier;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  };
  std::uint64_t word;
  for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    mix(word);
  }
  word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  mix(word);
  return hash;
}

NumberMap::NumberMap(std::size_t entries) : entries_(std::bit_ceil(2 * entries + 2)), mask_(entries_.size() - 1) {}

void NumberMap::set(std::uint64_t key, std::uint64_t value) {
  if (2 * (used_ + 1) > entries_.size()) grow();
  std::size_t i = slot(key);
  while (entries_[i].key != kAbsent && entries_[i].key != key) i = (i + 1) & mask_;
  used_ += entries_[i].key == kAbsent;
  entries_[i] = {key, value};
}

void NumberMap::grow() {
  std::vector<Entry> old(2 * entries_.size());
  std::swap(old, entries_);
  mask_ = entries_.size() - 1;
  used_ = 0;
  for (const Entry& entry : old) {
    if (entry.key != kAbsent) set(entry.key, entry.value);
  }
}

Result<Vocabulary> Vocabulary::from_json(const Fields& model) {
  const Json* json = model.find("vocab");
  if (!json || (json->is_object() && json->empty())) {
    return fail(ErrorCode::kMissingTokenizer, "tokenizer.json: {}.vocab is missing or empty", model.where());
  }
  if (!json->is_object()) return model.wrong("vocab", "an object from tokens to ids");
  Vocabulary result;
  result.size_ = json->size();
  result.slots_.resize(std::bit_ceil(2 * json->size()));
  // Ids index a table, so they may not lie far beyond the number of tokens.
  const std::size_t limit = 8 * json->size() + 65536;
  const std::size_t mask = result.slots_.size() - 1;
  for (const auto& [token, value] : json->items()) {
    IA_ASSIGN(const std::int32_t id, model.whole_number(value, "vocab[\"" + token + "\"]"));
    if (static_cast<std::size_t>(id) >= limit) {
      return fail(ErrorCode::kMalformedConfig,
                  "tokenizer.json: token '{}' has id {}; with {} tokens ids must be below {}", token, id, json->size(),
                  limit);
    }
    const Entry entry{static_cast<std::uint32_t>(result.texts_.size()), static_cast<std::uint32_t>(token.size()), id};
    result.texts_ += token;
    std::size_t slot = hash_bytes(token) & mask;
    while (result.slots_[slot].id != -1) slot = (slot + 1) & mask;
    result.slots_[slot] = entry;
    if (static_cast<std::size_t>(id) >= result.by_id_.size()) result.by_id_.resize(static_cast<std::size_t>(id) + 1);
    result.by_id_[static_cast<std::size_t>(id)] = entry;
  }
  return result;
}

std::int32_t Vocabulary::id(std::string_view token) const {
  if (slots_.empty()) return -1;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = hash_bytes(token) & mask; slots_[i].id != -1; i = (i + 1) & mask) {
    if (text(slots_[i]) == token) return slots_[i].id;
  }
  return -1;
}

bool Vocabulary::has(std::int32_t id) const {
  return id >= 0 && id < id_limit() && by_id_[static_cast<std::size_t>(id)].id == id;
}

std::string_view Vocabulary::token(std::int32_t id) const {
  return has(id) ? text(by_id_[static_cast<std::size_t>(id)]) : std::string_view();
}

}  // namespace ipfs_accelerate::input
