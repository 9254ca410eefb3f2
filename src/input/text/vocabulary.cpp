// Hash tables for token texts, ids and pairs of ids.
#include "input/text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <format>
#include <utility>

namespace ipfs_accelerate::input {
namespace {

constexpr std::size_t kMaxTokens = std::size_t{1} << 30;

std::unexpected<Error> missing(const Fields& model) {
  return fail(ErrorCode::kMissingTokenizer, "tokenizer.json: {}.vocab is missing or empty", model.where());
}

}  // namespace

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

Vocabulary::Vocabulary(std::size_t size) : slots_(std::bit_ceil(2 * size)), size_(size) {}

void Vocabulary::add(std::string_view token, std::int32_t id) {
  const Entry entry{static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(token.size()), id};
  texts_ += token;
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_bytes(token) & mask;
  while (slots_[slot].id != -1 && text(slots_[slot]) != token) slot = (slot + 1) & mask;
  slots_[slot] = entry;
  if (static_cast<std::size_t>(id) >= by_id_.size()) by_id_.resize(static_cast<std::size_t>(id) + 1);
  by_id_[static_cast<std::size_t>(id)] = entry;
}

Result<Vocabulary> Vocabulary::from_json(const Fields& model) {
  const Json* json = model.find("vocab");
  if (!json || (json->is_object() && json->empty())) return missing(model);
  if (!json->is_object()) return model.wrong("vocab", "an object from tokens to ids");
  Vocabulary result(json->size());
  // Ids index a table, so they may not lie far beyond the number of tokens.
  const std::size_t limit = 8 * json->size() + 65536;
  for (const auto& [token, value] : json->items()) {
    IA_ASSIGN(const std::int32_t id, model.whole_number(value, "vocab[\"" + token + "\"]"));
    if (static_cast<std::size_t>(id) >= limit) {
      return fail(ErrorCode::kMalformedConfig,
                  "tokenizer.json: token '{}' has id {}; with {} tokens ids must be below {}", token, id, json->size(),
                  limit);
    }
    result.add(token, id);
  }
  return result;
}

Result<Vocabulary> Vocabulary::from_list(const Fields& model, std::vector<double>& scores) {
  const Json* json = model.find("vocab");
  if (!json || (json->is_array() && json->empty())) return missing(model);
  IA_ASSIGN(json, model.array("vocab"));
  if (json->size() > kMaxTokens) {
    return fail(ErrorCode::kLimitExceeded, "tokenizer.json: {}.vocab has {} tokens; at most {} can be used",
                model.where(), json->size(), kMaxTokens);
  }
  Vocabulary result(json->size());
  scores.clear();
  for (const Json& entry : *json) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      return model.wrong(std::format("vocab[{}]", scores.size()), "a token and its score");
    }
    result.add(entry[0].get_ref<const std::string&>(), static_cast<std::int32_t>(scores.size()));
    scores.push_back(entry[1].get<double>());
  }
  return result;
}

std::vector<std::pair<std::string_view, std::int32_t>> Vocabulary::all() const {
  std::vector<std::pair<std::string_view, std::int32_t>> result;
  result.reserve(size_);
  for (const Entry& slot : slots_) {
    if (slot.id != -1) result.emplace_back(text(slot), slot.id);
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
