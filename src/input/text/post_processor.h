// Post-processors of tokenizer.json: special tokens around one or two encoded texts.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "input/text/fields.h"
#include "input/text/text_bounds.h"
#include "input/text/tokenizer.h"

namespace ipfs_accelerate::input {

class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  /// Special tokens that are added to one text, or to a pair.
  virtual std::int32_t added(bool pair) const = 0;
  /// Works on the parts of the result; they are joined afterwards. `parts` has one or two encodings. Tokens count as
  /// bytes do in the bounds.
  virtual Result<void> run(std::vector<Encoding>& parts, bool add_special_tokens, const TextBounds& bounds) const = 0;
};

/// kUnsupportedTokenizer names a type that is not implemented.
Result<std::unique_ptr<PostProcessor>> make_post_processor(const Json& json, int depth = 0);

}  // namespace ipfs_accelerate::input
