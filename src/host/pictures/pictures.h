// Decoding pictures natively: PNG by libpng, JPEG by libjpeg-turbo, to the pixels that Pillow's convert("RGB") gives.
#pragma once

#include "base/stop.h"
#include "input/image/picture.h"

namespace ipfs_accelerate::host {

/// Upright. kUnsupportedMedia, kMalformedMedia, kLimitExceeded, kCancelled, kOutOfMemory. From any thread.
Result<Image> decode_picture(ByteView file, const Stop& stop);

/// Into `image`, which has the header's size, as stored. kMalformedMedia, kCancelled.
Result<> decode_png(ByteView file, Image& image, const Stop& stop);
Result<> decode_jpeg(ByteView file, Image& image, const Stop& stop);

}  // namespace ipfs_accelerate::host
