// Picture files before they are decoded: what they are, how large, how they were held. Decided here, so that every
// decoder is given the same and huge ones take no memory.
#pragma once

#include "input/image/image.h"

namespace ipfs_accelerate {

enum class PictureFormat : std::uint8_t { kPng, kJpeg };

struct PictureHeader {
  PictureFormat format = PictureFormat::kPng;
  int width = 0, height = 0;  ///< as stored
  int orientation = 1;        ///< EXIF's: how to turn what is stored (upright())
};

/// kUnsupportedMedia for anything but PNG and JPEG, kMalformedMedia, kLimitExceeded.
Result<PictureHeader> read_picture_header(ByteView file);

/// The file without what would make a browser turn, recolour or cut out its pixels: EXIF, colour profiles, tRNS.
/// What is left is decoded to the pixels as stored. For a file that has a header.
Bytes plain_picture(ByteView file);

/// "image/png", "image/jpeg"
std::string_view mime_type(PictureFormat format);

}  // namespace ipfs_accelerate
