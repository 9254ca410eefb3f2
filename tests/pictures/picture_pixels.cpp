// picture_pixels FILE...: a line of JSON for each, {"width", "height", "pixels" (base64)} or {"code"}, decoded
// natively.
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "golden/tensor_files.h"
#include "host/pictures/pictures.h"

using namespace ipfs_accelerate;

namespace {

Result<Image> decode(const char* file) {
  IA_ASSIGN(const std::string content, read_text(file));
  return host::decode_picture(as_bytes(content), Stop());
}

}  // namespace

int main(int count, char** words) {
  for (int i = 1; i < count; ++i) {
    const Result<Image> image = decode(words[i]);
    nlohmann::json line;
    if (image) {
      line = {{"width", image->width}, {"height", image->height}, {"pixels", base64(image->pixels)}};
    } else {
      line = {{"code", error_name(image.error().code)}, {"message", image.error().message}};
    }
    std::cout << line.dump() << '\n';
  }
  return count > 1 ? 0 : 2;
}
