// What a caller's name for a model means, as far as the text tells.
#pragma once

#include <string>

#include "base/result.h"

namespace ipfs_accelerate {

struct ModelName {
  enum class Kind {
    kCid,    ///< text: "CID" or "CID/path"
    kUrl,    ///< text: the address of a folder
    kOther,  ///< a registered name, or a folder: the host knows
  };
  Kind kind = Kind::kOther;
  std::string text;
};

/// "ipfs://X" and "/ipfs/X" are X; trailing slashes are cut. kInvalidCid when it must be a CID and is none,
/// kInvalidArgument for an empty name and for names of hubs.
Result<ModelName> parse_model_name(const std::string& model);

/// `reference` seen from the page at `base` (RFC 3986, 5.2): "../x", "/x", "//host/x", "x", or an address as it is.
/// Unchanged when `base` is no http or https address.
std::string resolve_address(std::string_view base, std::string_view reference);
/// Whether a text is meant as seen from a page: "./x", "../x" or "/x", but not "/ipfs/X".
bool is_relative(std::string_view text);

}  // namespace ipfs_accelerate
