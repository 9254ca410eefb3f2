// Pre-tokenizers of tokenizer.json: how a normalized text is split into the pieces the model sees.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "input/text/aligned_text.h"
#include "input/text/fields.h"
#include "input/text/text_bounds.h"

namespace ipfs_accelerate::input {

/// Bytes [begin, end) of a text; `id` is set (not -1) where an added token was found.
struct Piece {
  std::size_t begin, end;
  std::int32_t id = -1;
};

struct SplitText {
  AlignedText text;
  std::vector<Piece> pieces;  ///< in order, none empty

  std::string_view view(const Piece& piece) const {
    return std::string_view(text.text).substr(piece.begin, piece.end - piece.begin);
  }
  /// Code points of the original that bytes [begin, end) came from; none lie before byte 0.
  Span span(std::size_t begin, std::size_t end) const {
    const std::uint32_t last = end == 0 ? 0 : text.spans[end - 1].end;
    return {begin < end ? text.spans[begin].begin : last, last};
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Splits every piece that is no added token; may rewrite the text.
  virtual Result<void> run(SplitText& split, const TextBounds& bounds) const = 0;
};

/// kUnsupportedTokenizer names a type that is not implemented.
Result<std::unique_ptr<PreTokenizer>> make_pre_tokenizer(const Json& json, int depth = 0);

}  // namespace ipfs_accelerate::input
