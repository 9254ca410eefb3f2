// Import profiles: the parameters that decide which CID a file or folder gets (IPIP-499).
#pragma once

#include <string_view>

#include "base/result.h"

namespace ipfs_accelerate::content {

enum class ProfileName { kUnixFsV1_2025, kUnixFsV0_2015, kKuboCidV1 };

/// How a folder's size is estimated when deciding on a HAMT.
enum class DirectorySize { kBlockBytes, kLinksBytes };

struct Profile {
  std::string_view name;
  int cid_version = 1;
  std::size_t chunk_bytes = 1u << 20;
  std::size_t width = 1024;  ///< links per inner file node
  bool raw_leaves = true;
  DirectorySize directory_size = DirectorySize::kBlockBytes;
  std::size_t hamt_threshold = 256u << 10;  ///< a folder strictly larger becomes a HAMT
  int hamt_bits = 8;                        ///< log2 of the fan-out
};

/// "unixfs-v1-2025" (default everywhere), "unixfs-v0-2015", "kubo-cid-v1" (Kubo's --cid-version=1 before profiles).
const Profile& profile(ProfileName name);
/// kUnknownOption names the profiles there are.
Result<ProfileName> parse_profile(std::string_view name);

}  // namespace ipfs_accelerate::content
