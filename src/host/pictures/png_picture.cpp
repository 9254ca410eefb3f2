// PNG by libpng: every kind becomes 8-bit RGB; alpha and transparent colours are dropped, gamma and profiles ignored.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "host/pictures/pictures.h"

namespace ipfs_accelerate::host {
namespace {

/// libpng reports an error by a jump, so what runs between keeps nothing that would have to be destroyed.
class PngReader {
 public:
  explicit PngReader(ByteView file) : left_(file) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, [](png_structp, png_const_charp) {});
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Result<> read(Image& image, const Stop& stop) {
    if (info_ == nullptr) return fail(ErrorCode::kOutOfMemory, "no memory to decode a PNG");
    if (setjmp(jump_) == 0) {
      prepare();
      read_rows(image, stop);
    }
    if (message_[0] == 0) return stop.check();
    return fail(ErrorCode::kMalformedMedia, "the PNG cannot be decoded: {}", message_);
  }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto& self = *static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(self.message_, message != nullptr && *message != 0 ? message : "damaged", sizeof(self.message_) - 1);
    std::longjmp(self.jump_, 1);
  }
  static void on_read(png_structp png, png_bytep into, std::size_t size) {
    auto& self = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (size > self.left_.size()) png_error(png, "the file ends too early");
    std::memcpy(into, self.left_.data(), size);
    self.left_ = self.left_.subspan(size);
  }

  void prepare() {
    png_set_read_fn(png_, this, on_read);
    png_set_user_limits(png_, kMaxImageSide, kMaxImageSide);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // texts, profiles, gamma ...
    png_read_info(png_, info_);
    png_set_strip_16(png_);  // the high byte, as Pillow takes
    png_set_expand(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
  }

  void read_rows(Image& image, const Stop& stop) {
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    const std::size_t row_bytes = 3 * static_cast<std::size_t>(image.width);
    const bool expected = png_get_image_height(png_, info_) == static_cast<png_uint_32>(image.height);
    if (!expected || png_get_rowbytes(png_, info_) != row_bytes) png_error(png_, "it has two sizes");
    for (int row = 0; row < passes * image.height; ++row) {
      if (stop.requested()) return;
      const auto at = static_cast<std::size_t>(row % image.height);
      png_read_row(png_, image.pixels.data() + at * row_bytes, nullptr);
    }
    png_read_end(png_, nullptr);
  }

  ByteView left_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf jump_;
  char message_[128] = {};
};

}  // namespace

Result<> decode_png(ByteView file, Image& image, const Stop& stop) { return PngReader(file).read(image, stop); }

}  // namespace ipfs_accelerate::host
