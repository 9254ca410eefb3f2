// JPEG by libjpeg-turbo, with its default (slow, exact) inverse DCT and smooth upsampling, as Pillow decodes.
// clang-format off: jpeglib.h needs what comes before it, and jerror.h comes after it
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "host/pictures/pictures.h"

namespace ipfs_accelerate::host {
namespace {

/// Progressive files have about ten; a hostile one may repeat scans at no cost to itself.
constexpr int kMaxScans = 100;

/// What does not touch the pixels. Any other warning means that some are made up.
bool is_harmless(int warning) {
  return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_ADOBE_XFORM || warning == JWRN_JFIF_MAJOR ||
         warning == JWRN_BOGUS_ICC;
}

/// (a * b) / 255, rounded, as Pillow does.
std::uint8_t product(std::uint8_t a, std::uint8_t b) {
  const unsigned value = a * b + 128u;
  return static_cast<std::uint8_t>((value + (value >> 8)) >> 8);
}

/// libjpeg reports an error by a jump, so what runs between keeps nothing that would have to be destroyed.
class JpegReader {
 public:
  JpegReader(ByteView file, Image& image, const Stop& stop) : file_(file), image_(image), stop_(stop) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr jpeg) { of(jpeg).leave(jpeg); };
    errors_.emit_message = [](j_common_ptr jpeg, int level) {
      if (level < 0 && !is_harmless(jpeg->err->msg_code)) of(jpeg).leave(jpeg);
    };
    errors_.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = [](j_common_ptr jpeg) { of(jpeg).check_progress(); };
    jpeg_.client_data = this;
  }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Result<> read() {
    row_.resize(4 * static_cast<std::size_t>(image_.width));
    if (setjmp(jump_) == 0) {
      start();
      read_rows();
    }
    if (message_[0] == 0) return stop_.check();
    return fail(ErrorCode::kMalformedMedia, "the JPEG cannot be decoded: {}", message_);
  }

 private:
  static JpegReader& of(j_common_ptr jpeg) { return *static_cast<JpegReader*>(jpeg->client_data); }
  [[noreturn]] void leave(j_common_ptr jpeg) {
    char text[JMSG_LENGTH_MAX];
    (*jpeg->err->format_message)(jpeg, text);
    leave(text);
  }
  [[noreturn]] void leave(const char* message) {
    std::strncpy(message_, message, sizeof(message_) - 1);
    std::longjmp(jump_, 1);
  }
  void check_progress() {
    if (stop_.requested()) leave("");  // the caller's check() says so
    if (jpeg_.input_scan_number > kMaxScans) leave("it has more than 100 scans");
  }

  void start() {
    jpeg_create_decompress(&jpeg_);
    jpeg_.client_data = this;
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, file_.data(), file_.size());
    jpeg_read_header(&jpeg_, TRUE);
    const bool four = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
    jpeg_.out_color_space = four ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&jpeg_);
    const bool expected = jpeg_.output_width == static_cast<JDIMENSION>(image_.width) &&
                          jpeg_.output_height == static_cast<JDIMENSION>(image_.height);
    if (!expected || jpeg_.output_components != (four ? 4 : 3)) leave("it has two sizes");
  }

  void read_rows() {
    std::uint8_t* out = image_.pixels.data();
    const std::size_t row_bytes = 3 * static_cast<std::size_t>(image_.width);
    for (int y = 0; y < image_.height; ++y, out += row_bytes) {
      if (stop_.requested()) return;
      JSAMPROW row = jpeg_.output_components == 4 ? row_.data() : out;
      jpeg_read_scanlines(&jpeg_, &row, 1);
      if (row != out) convert_row(out);
    }
    jpeg_finish_decompress(&jpeg_);
  }

  /// Four inks, stored inverted as Adobe's programs and Pillow have it.
  void convert_row(std::uint8_t* out) const {
    const std::uint8_t* in = row_.data();
    for (int x = 0; x < image_.width; ++x, in += 4) {
      for (int color = 0; color < 3; ++color) {
        *out++ = static_cast<std::uint8_t>(in[3] - product(static_cast<std::uint8_t>(255 - in[color]), in[3]));
      }
    }
  }

  ByteView file_;
  Image& image_;
  const Stop& stop_;
  Bytes row_;  ///< of four inks
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = {};
};

}  // namespace

Result<> decode_jpeg(ByteView file, Image& image, const Stop& stop) { return JpegReader(file, image, stop).read(); }

}  // namespace ipfs_accelerate::host
