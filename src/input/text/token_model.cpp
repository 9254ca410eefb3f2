// Choosing the model, and the cache of pieces.
#include "input/text/token_model.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace ipfs_accelerate::input {

bool PieceCache::find(std::string_view piece, std::uint64_t hash, std::vector<Token>& tokens) const {
  const Entry& entry = entries_[hash % kEntries];
  if (entry.bytes != piece.size() || std::memcmp(entry.text.data(), piece.data(), piece.size()) != 0) return false;
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < entry.count; ++i) {
    tokens.push_back({entry.ids[i], begin, entry.ends[i]});
    begin = entry.ends[i];
  }
  return true;
}

void PieceCache::keep(std::string_view piece, std::uint64_t hash, const std::vector<Token>& tokens) {
  if (tokens.size() > kMaxTokens) return;
  // Only ends are kept, so tokens must lie one behind the other.
  std::uint32_t begin = 0;
  for (const Token& token : tokens) {
    if (token.begin != begin) return;
    begin = token.end;
  }
  Entry& entry = entries_[hash % kEntries];
  entry.bytes = static_cast<std::uint8_t>(piece.size());
  entry.count = static_cast<std::uint8_t>(tokens.size());
  std::ranges::copy(piece, entry.text.begin());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    entry.ids[i] = tokens[i].id;
    entry.ends[i] = static_cast<std::uint8_t>(tokens[i].end);
  }
}

void ModelScratch::trim() {
  constexpr std::size_t kKeptBytes = std::size_t{1} << 20;
  const auto trim_one = [](auto& list) {
    if (list.capacity() * sizeof(list[0]) > kKeptBytes) std::decay_t<decltype(list)>().swap(list);
  };
  trim_one(symbols);
  trim_one(heap);
  trim_one(arrivals);
  trim_one(scores);
}

Result<std::unique_ptr<TokenModel>> make_token_model(const Json& json) {
  IA_ASSIGN(const Fields fields, Fields::of(json, "model"));
  IA_ASSIGN(auto type, fields.optional_text("type"));
  // Old files have no type; their fields tell.
  if (!type && fields.find("merges")) type = "BPE";
  if (const Json* vocabulary = fields.find("vocab"); !type && vocabulary && vocabulary->is_array()) type = "Unigram";
  if (!type && fields.find("max_input_chars_per_word")) type = "WordPiece";
  if (type == "WordPiece") return make_word_piece(fields);
  if (type == "BPE") return make_bpe(fields);
  if (type == "Unigram") return make_unigram(fields);
  return fields.unsupported(type.value_or("without a type"));
}

}  // namespace ipfs_accelerate::input
