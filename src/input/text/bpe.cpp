// Byte-pair encoding: characters merged pair by pair, the earliest rule first.
#include <algorithm>
#include <array>
#include <format>
#include <utility>

#include "input/text/token_model.h"
#include "input/text/utf8.h"

namespace ipfs_accelerate::input {
namespace {

// Each may be looked up with a long prefix, so fewer than kBoundsInterval.
constexpr std::size_t kCharactersBetweenStops = 256;

using Symbol = ModelScratch::Symbol;
using Merge = ModelScratch::Merge;

class Bpe final : public TokenModel {
 public:
  explicit Bpe(Vocabulary vocabulary) : TokenModel(std::move(vocabulary)) {}

  static Result<std::unique_ptr<TokenModel>> make(const Fields& fields) {
    if (const Json* dropout = fields.find("dropout");
        dropout && !(dropout->is_number() && dropout->get<double>() == 0)) {
      return fields.unsupported("BPE with dropout");
    }
    IA_ASSIGN(Vocabulary vocabulary, Vocabulary::from_json(fields));
    auto result = std::make_unique<Bpe>(std::move(vocabulary));
    IA_ASSIGN(const auto unknown, fields.optional_text("unk_token"));
    IA_ASSIGN(const auto prefix, fields.optional_text("continuing_subword_prefix"));
    IA_ASSIGN(const auto suffix, fields.optional_text("end_of_word_suffix"));
    IA_ASSIGN(result->fuse_unknown_, fields.flag("fuse_unk", false));
    IA_ASSIGN(result->byte_fallback_, fields.flag("byte_fallback", false));
    IA_ASSIGN(result->ignore_merges_, fields.flag("ignore_merges", false));
    result->has_unknown_ = unknown.has_value();
    result->unknown_token_ = unknown.value_or("");
    result->unknown_ = unknown ? result->vocabulary_.id(*unknown) : -1;
    result->prefix_ = prefix.value_or("");
    result->suffix_ = suffix.value_or("");
    result->make_tables();
    IA_TRY(result->read_merges(fields));
    return result;
  }

  Result<void> tokenize(std::string_view piece, ModelScratch& scratch, std::vector<Token>& tokens,
                        const TextBounds& bounds) const override {
    if (ignore_merges_) {
      if (const std::int32_t id = vocabulary_.id(piece); id != -1) {
        tokens.push_back({id, 0, static_cast<std::uint32_t>(piece.size())});
        return {};
      }
    }
    IA_TRY(read_symbols(piece, scratch.symbols, bounds));
    IA_TRY(merge_all(scratch, bounds));
    std::uint32_t at = 0;
    for (const Symbol& symbol : scratch.symbols) {
      if (symbol.size == 0) continue;
      // Bytes of a prefix or suffix may count beyond the end of the piece.
      const auto end = static_cast<std::uint32_t>(std::min<std::size_t>(at + symbol.size, piece.size()));
      tokens.push_back({symbol.id, at, end});
      at = end;
    }
    return {};
  }

 private:
  static std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }

  // Ids of single characters below U+0180 (all of a byte-level vocabulary) and of the byte tokens.
  void make_tables() {
    for (char32_t code = 0; code < characters_.size(); ++code) {
      std::string text;
      append_utf8(text, code);
      characters_[code] = vocabulary_.id(text);
    }
    for (unsigned byte = 0; byte < bytes_.size(); ++byte)
      bytes_[byte] = vocabulary_.id(std::format("<0x{:02X}>", byte));
  }

  Result<void> read_merges(const Fields& fields) {
    if (!fields.find("merges")) return {};
    IA_ASSIGN(const Json* merges, fields.array("merges"));
    merges_ = NumberMap(merges->size());
    std::uint32_t rank = 0;
    for (const Json& merge : *merges) {
      std::string left, right;
      if (!split_merge(merge, left, right)) return fields.wrong(std::format("merges[{}]", rank), "two tokens");
      IA_TRY(add_merge(left, right, rank++));
    }
    return {};
  }

  // "left right" or ["left", "right"].
  static bool split_merge(const Json& merge, std::string& left, std::string& right) {
    if (merge.is_array()) {
      if (merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string()) return false;
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
      return true;
    }
    if (!merge.is_string()) return false;
    const auto& text = merge.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) return false;
    left = text.substr(0, space);
    right = text.substr(space + 1);
    return true;
  }

  Result<void> add_merge(const std::string& left, const std::string& right, std::uint32_t rank) {
    const std::size_t cut = std::min(prefix_.size(), right.size());
    const std::string joined = left + right.substr(cut);
    const std::int32_t a = vocabulary_.id(left), b = vocabulary_.id(right), id = vocabulary_.id(joined);
    if (a == -1 || b == -1 || id == -1) {
      return fail(ErrorCode::kMalformedConfig,
                  "tokenizer.json: merge {} uses the token '{}', which is not in the vocabulary", rank,
                  a == -1   ? left
                  : b == -1 ? right
                            : joined);
    }
    merges_.set(pair_key(a, b), std::uint64_t{rank} << 32 | static_cast<std::uint32_t>(id));
    return {};
  }

  std::int32_t character_id(std::string_view character, bool first, bool last) const {
    const bool bare = (first || prefix_.empty()) && (!last || suffix_.empty());
    if (!bare) {
      std::string text = first ? "" : prefix_;
      text += character;
      if (last) text += suffix_;
      return vocabulary_.id(text);
    }
    std::size_t at = 0;
    const char32_t code = next_code_point(character, at);
    return code < characters_.size() ? characters_[code] : vocabulary_.id(character);
  }

  static void add(std::vector<Symbol>& symbols, std::int32_t id, std::size_t size) {
    const auto index = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({id, static_cast<std::uint32_t>(size), index - 1, index + 1});
  }

  // One symbol per character, or per byte where a character has no token.
  Result<void> read_symbols(std::string_view piece, std::vector<Symbol>& symbols, const TextBounds& bounds) const {
    symbols.clear();
    std::size_t visited = 0;
    std::size_t unknown = 0;  // bytes of the unknown token that is not added yet
    const auto flush = [&] {
      if (unknown) add(symbols, unknown_, unknown);
      unknown = 0;
    };
    for (std::size_t at = 0; at < piece.size();) {
      if (++visited % kCharactersBetweenStops == 0) IA_TRY(bounds.check_stop());
      const std::size_t size = utf8_length(static_cast<unsigned char>(piece[at]));
      const std::string_view character = piece.substr(at, size);
      const bool first = at == 0, last = at + size == piece.size();
      at += size;
      if (const std::int32_t id = character_id(character, first, last); id != -1) {
        flush();
        add(symbols, id, size);
      } else if (byte_fallback_ && has_bytes(character, first, last)) {
        // The order of an unknown token before bytes is kept as the reference has it: it is added later.
        add_bytes(symbols, character, first, last);
        IA_TRY(bounds.check(symbols.size(), "BPE"));  // prefix and suffix are spelled, too
      } else if (has_unknown_) {
        if (unknown_ == -1) {
          return fail(ErrorCode::kMalformedConfig, "tokenizer.json: the unknown token '{}' is not in the vocabulary",
                      unknown_token_);
        }
        if (!fuse_unknown_) flush();
        unknown += size;
      }
    }
    flush();
    if (!symbols.empty()) symbols.back().next = -1;
    return {};
  }

  std::string spelled(std::string_view character, bool first, bool last) const {
    return (first ? "" : prefix_) + std::string(character) + (last ? suffix_ : "");
  }
  bool has_bytes(std::string_view character, bool first, bool last) const {
    return std::ranges::all_of(spelled(character, first, last),
                               [&](char byte) { return bytes_[static_cast<unsigned char>(byte)] != -1; });
  }
  void add_bytes(std::vector<Symbol>& symbols, std::string_view character, bool first, bool last) const {
    for (const char byte : spelled(character, first, last)) add(symbols, bytes_[static_cast<unsigned char>(byte)], 1);
  }

  static bool later(const Merge& a, const Merge& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  }

  void propose(ModelScratch& scratch, std::int32_t position, bool building) const {
    const Symbol& left = scratch.symbols[static_cast<std::size_t>(position)];
    const std::uint64_t rule = merges_.get(pair_key(left.id, scratch.symbols[static_cast<std::size_t>(left.next)].id));
    if (rule == NumberMap::kAbsent) return;
    scratch.heap.push_back({static_cast<std::uint32_t>(rule >> 32), static_cast<std::uint32_t>(position),
                            static_cast<std::int32_t>(rule)});
    if (!building) std::ranges::push_heap(scratch.heap, later);
  }

  Result<void> merge_all(ModelScratch& scratch, const TextBounds& bounds) const {
    std::vector<Symbol>& symbols = scratch.symbols;
    scratch.heap.clear();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) propose(scratch, static_cast<std::int32_t>(i), true);
    std::ranges::make_heap(scratch.heap, later);
    for (std::size_t merged = 0; !scratch.heap.empty(); ++merged) {
      if (merged % kBoundsInterval == 0) IA_TRY(bounds.check_stop());
      std::ranges::pop_heap(scratch.heap, later);
      const Merge merge = scratch.heap.back();
      scratch.heap.pop_back();
      Symbol& left = symbols[merge.position];
      if (left.size == 0 || left.next == -1) continue;
      Symbol& right = symbols[static_cast<std::size_t>(left.next)];
      // Skip what was queued for a pair that has changed since.
      const std::uint64_t rule = merges_.get(pair_key(left.id, right.id));
      if (rule == NumberMap::kAbsent || static_cast<std::int32_t>(rule) != merge.id) continue;
      left.id = merge.id;
      left.size += right.size;
      left.next = right.next;
      right.size = 0;
      if (left.next != -1)
        symbols[static_cast<std::size_t>(left.next)].previous = static_cast<std::int32_t>(merge.position);
      if (left.previous != -1) propose(scratch, left.previous, false);
      if (left.next != -1) propose(scratch, static_cast<std::int32_t>(merge.position), false);
    }
    return {};
  }

  NumberMap merges_;
  std::array<std::int32_t, 0x180> characters_{};
  std::array<std::int32_t, 256> bytes_{};
  std::string prefix_, suffix_, unknown_token_;
  std::int32_t unknown_ = -1;
  bool has_unknown_ = false, fuse_unknown_ = false, byte_fallback_ = false, ignore_merges_ = false;
};

}  // namespace

Result<std::unique_ptr<TokenModel>> make_bpe(const Fields& fields) { return Bpe::make(fields); }

}  // namespace ipfs_accelerate::input
