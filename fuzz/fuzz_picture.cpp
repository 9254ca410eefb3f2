// Fuzzes picture files and preprocessor_config.json: whatever decodes has its size, and prepares to finite numbers.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "host/pictures/pictures.h"
#include "input/image/image_processor.h"

// The input is a preprocessor_config.json, a zero byte, and a picture.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ipfs_accelerate;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  const auto processor = ImageProcessor::from_json(input.substr(0, end), "vit");
  const ByteView file = as_bytes(end == input.npos ? input : input.substr(end + 1));
  const auto header = read_picture_header(file);
  if (!header) return 0;
  const auto plain = read_picture_header(plain_picture(file));
  if (!plain || plain->width != header->width || plain->height != header->height || plain->orientation != 1) {
    std::abort();
  }
  if (std::int64_t{header->width} * header->height > 1 << 18) return 0;  // only slow
  const auto image = host::decode_picture(file, Stop());
  if (!image) return 0;
  if (!check_image(*image)) std::abort();
  const auto size_then = processor ? processor->prepared_size() : std::nullopt;
  if (!size_then || std::int64_t{size_then->width} * size_then->height > 1 << 18) return 0;
  const auto tensor = processor->prepare(*image);
  if (!tensor) return 0;
  if (tensor->shape != Shape{3, size_then->height, size_then->width}) std::abort();
  for (const float value : tensor->f32s()) {
    if (std::isnan(value)) std::abort();
  }
  return 0;
}
