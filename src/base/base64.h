// Base64 with padding (RFC 4648, section 4): bytes inside JSON.
#pragma once

#include <string>

#include "base/bytes.h"

namespace ipfs_accelerate {

std::string base64(ByteView bytes);

}  // namespace ipfs_accelerate
