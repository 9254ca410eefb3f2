// Decoders of tokenizer.json: from token texts back to text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "input/text/fields.h"
#include "input/text/text_bounds.h"

namespace ipfs_accelerate::input {

class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Rewrites the tokens; joined, they are the text, which stays within the bounds.
  virtual Result<void> run(std::vector<std::string>& tokens, const TextBounds& bounds) const = 0;
};

/// kUnsupportedTokenizer names a type that is not implemented.
Result<std::unique_ptr<Decoder>> make_decoder(const Json& json, int depth = 0);

}  // namespace ipfs_accelerate::input
