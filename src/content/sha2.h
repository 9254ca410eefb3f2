// Portable SHA-2 for builds without a crypto library (WASM). FIPS 180-4.
#pragma once

#include <array>

#include "base/bytes.h"

namespace ipfs_accelerate::content {

std::array<std::uint8_t, 32> portable_sha256(std::span<const ByteView> parts);
std::array<std::uint8_t, 64> portable_sha512(std::span<const ByteView> parts);

}  // namespace ipfs_accelerate::content
