// One picture: its header is checked before it takes memory, then its format's library decodes it.
#include "host/pictures/pictures.h"

namespace ipfs_accelerate::host {

Result<Image> decode_picture(ByteView file, const Stop& stop) {
  IA_ASSIGN(const PictureHeader header, read_picture_header(file));
  IA_ASSIGN(Image image, make_image(header.width, header.height));
  IA_TRY(header.format == PictureFormat::kPng ? decode_png(file, image, stop) : decode_jpeg(file, image, stop));
  return upright(std::move(image), header.orientation);
}

}  // namespace ipfs_accelerate::host
