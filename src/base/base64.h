// Base64 with padding (RFC 4648, section 4): bytes inside JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ipfs_accelerate {

std::string base64(ByteView bytes);
/// The bytes; absent where the text is not base64 with padding.
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace ipfs_accelerate
