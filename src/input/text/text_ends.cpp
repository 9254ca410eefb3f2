// Linking each path of the trie to the paths it ends with.
#include "input/text/text_ends.h"

#include <utility>

namespace ipfs_accelerate::input {

TextEnds::TextEnds(Trie trie) : trie_(std::move(trie)), links_(trie_.size()) {
  // Nodes come level by level, so the links of shorter paths are there already.
  for (std::uint32_t node = Trie::kRoot; node < trie_.size(); ++node) {
    const auto [first, last] = trie_.children(node);
    for (std::uint32_t child = first; child < last; ++child) {
      const std::uint32_t suffix =
          node == Trie::kRoot ? Trie::kRoot : next(links_[node].suffix, static_cast<char>(trie_.label(child)));
      links_[child] = {suffix, longest(suffix)};
    }
  }
}

}  // namespace ipfs_accelerate::input
