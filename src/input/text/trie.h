// Texts as paths of bytes from a root, each with an id; built once, then only read.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace ipfs_accelerate::input {

class Trie {
 public:
  static constexpr std::uint32_t kNone = ~0u;
  static constexpr std::uint32_t kRoot = 0;

  /// No text twice.
  explicit Trie(std::vector<std::pair<std::string_view, std::int32_t>> texts = {});

  std::uint32_t child(std::uint32_t node, char byte) const {
    if (node == kRoot) return first_bytes_[static_cast<unsigned char>(byte)];
    const auto [first, count, id] = nodes_[node];
    const auto* labels = labels_.data() + first;
    const auto label = static_cast<std::uint8_t>(byte);
    if (count <= 4) {  // most nodes; a call would cost more than the search
      for (std::uint32_t i = 0; i < count; ++i) {
        if (labels[i] == label) return first + i;
      }
      return kNone;
    }
    const void* found = std::memchr(labels, label, count);
    return found ? first + static_cast<std::uint32_t>(static_cast<const std::uint8_t*>(found) - labels) : kNone;
  }
  /// The node at the end of `text`, or kNone.
  std::uint32_t find(std::string_view text) const {
    std::uint32_t node = kRoot;
    for (std::size_t i = 0; i < text.size() && node != kNone; ++i) node = child(node, text[i]);
    return node;
  }
  /// The id of the text that ends here, or -1.
  std::int32_t id(std::uint32_t node) const { return nodes_[node].id; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }
  std::uint8_t label(std::uint32_t node) const { return labels_[node]; }
  /// The children of a node are [first, last), all greater than the node.
  std::pair<std::uint32_t, std::uint32_t> children(std::uint32_t node) const {
    return {nodes_[node].first, nodes_[node].first + nodes_[node].count};
  }

 private:
  // The children of a node lie side by side; the byte that leads to a node is its label.
  struct Node {
    std::uint32_t first = 0, count = 0;
    std::int32_t id = -1;
  };
  std::vector<Node> nodes_;
  std::vector<std::uint8_t> labels_;
  std::array<std::uint32_t, 256> first_bytes_{};
};

}  // namespace ipfs_accelerate::input
