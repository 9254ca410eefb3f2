// Building the trie, level by level.
#include "input/text/trie.h"

#include <algorithm>

namespace ipfs_accelerate::input {

Trie::Trie(std::vector<std::pair<std::string_view, std::int32_t>> texts) : nodes_(1), labels_(1) {
  std::ranges::sort(texts);
  // For each node, the texts that start with its path, and the bytes of that path.
  struct Range {
    std::size_t begin, end, depth;
  };
  std::vector<Range> level{{0, texts.size(), 0}}, next;
  for (std::size_t first = 0; !level.empty(); first += level.size(), std::swap(level, next)) {
    next.clear();
    for (std::size_t i = 0; i < level.size(); ++i) {
      auto [begin, end, depth] = level[i];
      // Sorted: the text that ends here stands first.
      if (begin < end && texts[begin].first.size() == depth) nodes_[first + i].id = texts[begin++].second;
      nodes_[first + i].first = static_cast<std::uint32_t>(nodes_.size());
      while (begin < end) {
        const char label = texts[begin].first[depth];
        std::size_t last = begin;
        while (last < end && texts[last].first[depth] == label) ++last;
        next.push_back({begin, last, depth + 1});
        nodes_.emplace_back();
        labels_.push_back(static_cast<std::uint8_t>(label));
        begin = last;
      }
      nodes_[first + i].count = static_cast<std::uint32_t>(nodes_.size()) - nodes_[first + i].first;
    }
  }
  first_bytes_.fill(kNone);
  for (std::uint32_t i = nodes_[kRoot].first; i < nodes_[kRoot].first + nodes_[kRoot].count; ++i)
    first_bytes_[labels_[i]] = i;
}

}  // namespace ipfs_accelerate::input
