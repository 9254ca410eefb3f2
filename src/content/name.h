// Names of content as people write them: CIDs, paths below them, and the schemes in front.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "content/cid.h"

namespace ipfs_accelerate::content {

/// What a caller's text names: a CID with the path behind it, or something that only a host may know.
struct Name {
  std::optional<Cid> cid;  ///< its first part, when that is one
  std::string text;        ///< "CID", "CID/path", or the text itself; without slashes at the end
};
/// From "X", "/ipfs/X" or "ipfs://X" (whose escapes are undone). kInvalidCid when a scheme says that X is a CID and it
/// is none; kInvalidArgument for an empty text and for names of hubs.
Result<Name> parse_name(std::string_view text);

inline constexpr std::size_t kMaxPathNames = 256;

/// A CID and the names below it, from "CID/a/b", "/ipfs/CID/a/b" or "ipfs://CID/a%20b". kInvalidCid, kLimitExceeded,
/// kInvalidArgument for "." and "..".
struct ContentPath {
  Cid root;
  std::vector<std::string> names;
};
Result<ContentPath> parse_path(std::string_view path);

}  // namespace ipfs_accelerate::content
