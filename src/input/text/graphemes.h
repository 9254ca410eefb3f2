// Where user-perceived characters end (grapheme clusters, UAX 29), as far as short ones need it.
#pragma once

#include <cstddef>
#include <string_view>

namespace ipfs_accelerate::input {

/// The end of the cluster that starts at `at` of valid UTF-8. Rules that only join characters of 3 bytes and more to
/// longer clusters are left out: Hangul syllables, emoji sequences, flags, Indic conjuncts.
std::size_t cluster_end(std::string_view text, std::size_t at);

}  // namespace ipfs_accelerate::input
