// All texts of a trie that end at each place of a longer text, found in one pass over it (Aho and Corasick's
// automaton).
#pragma once

#include <vector>

#include "input/text/trie.h"

namespace ipfs_accelerate::input {

class TextEnds {
 public:
  explicit TextEnds(Trie trie);

  /// The node of the longest path that ends with `byte`, after one that ends at `node`; Trie::kRoot to begin with.
  /// Takes a few steps, on average over a text.
  std::uint32_t next(std::uint32_t node, char byte) const {
    for (;; node = links_[node].suffix) {
      const std::uint32_t child = trie_.child(node, byte);
      if (child != Trie::kNone) return child;
      if (node == Trie::kRoot) return Trie::kRoot;
    }
  }
  /// The longest text that ends at the node, then the next shorter one ...; Trie::kNone behind the last.
  std::uint32_t longest(std::uint32_t node) const { return has_text(node) ? node : links_[node].shorter; }
  std::uint32_t shorter(std::uint32_t found) const { return links_[found].shorter; }
  std::int32_t id(std::uint32_t found) const { return trie_.id(found); }

 private:
  struct Links {
    std::uint32_t suffix = Trie::kRoot;   // the longest other path that the node's path ends with
    std::uint32_t shorter = Trie::kNone;  // the longest text among those
  };
  // The empty text counts for nothing.
  bool has_text(std::uint32_t node) const { return node != Trie::kRoot && trie_.id(node) != -1; }

  Trie trie_;
  std::vector<Links> links_;
};

}  // namespace ipfs_accelerate::input
