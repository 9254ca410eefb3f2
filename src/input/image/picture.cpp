// Walks over the chunks of a PNG and the segments of a JPEG, without trusting a length in them.
#include "input/image/picture.h"

#include <algorithm>
#include <array>
#include <optional>

namespace ipfs_accelerate {
namespace {

constexpr std::array<std::uint8_t, 8> kPngSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<std::uint8_t, 3> kJpegSignature{0xFF, 0xD8, 0xFF};

constexpr std::array<std::uint8_t, 2> kJpegEnd{0xFF, 0xD9};

bool starts_with(ByteView bytes, ByteView start) {
  return bytes.size() >= start.size() && std::ranges::equal(bytes.first(start.size()), start);
}

/// Whole numbers of either byte order; the bytes must be there.
std::uint32_t number_at(ByteView bytes, std::size_t at, int size, bool little = false) {
  std::uint32_t value = 0;
  for (int i = 0; i < size; ++i) {
    value = value << 8 | bytes[at + static_cast<std::size_t>(little ? size - 1 - i : i)];
  }
  return value;
}

/// A chunk or segment with all that belongs to it, or the rest of the file where nothing whole follows.
struct Piece {
  std::string_view name{};  ///< PNG: of the chunk; empty for a rest
  std::uint8_t marker = 0;  ///< JPEG: of the segment; 0 for a rest
  ByteView whole{}, data{};
};

/// False: this was the last that matters.
template <class Each>
void walk_png(ByteView file, Each&& each) {
  for (std::size_t at = kPngSignature.size(); at < file.size();) {
    const ByteView rest = file.subspan(at);
    if (rest.size() < 12 || number_at(rest, 0, 4) > rest.size() - 12) return void(each(Piece{.whole = rest}));
    const std::size_t length = number_at(rest, 0, 4);
    const Piece chunk{as_text(rest.subspan(4, 4)), 0, rest.first(length + 12), rest.subspan(8, length)};
    if (!each(chunk)) return;
    at += chunk.whole.size();
  }
}

/// Up to the first scan, which comes with all that follows it as a rest.
template <class Each>
void walk_jpeg(ByteView file, Each&& each) {
  for (std::size_t at = 2; at < file.size();) {
    const ByteView rest = file.subspan(at);
    const std::uint8_t marker = rest.size() < 2 ? 0 : rest[1];
    const bool alone = marker == 0xFF || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7);  // or a fill byte
    std::size_t size = marker == 0xFF ? 1 : 2;
    if (!alone) size = rest.size() < 4 ? 0 : 2 + number_at(rest, 2, 2);
    const bool scan = marker == 0xDA || marker == 0xD9;
    if (rest[0] != 0xFF || scan || size > rest.size() || (!alone && size < 4)) {
      return void(each(Piece{.whole = rest}));
    }
    if (!each(Piece{"", marker, rest.first(size), alone ? ByteView() : rest.subspan(4, size - 4)})) return;
    at += size;
  }
}

/// The orientation of a TIFF header's first directory; 1 where it says none that exists.
int orientation_of(ByteView tiff) {
  constexpr std::uint32_t kOrientation = 0x0112, kShort = 3, kLong = 4;
  if (tiff.size() < 8) return 1;
  const bool little = tiff[0] == 'I';
  const std::size_t at = number_at(tiff, 4, 4, little);
  if (at > tiff.size() || tiff.size() - at < 2) return 1;
  const ByteView entries = tiff.subspan(at + 2);
  const std::size_t count = std::min<std::size_t>(number_at(tiff, at, 2, little), entries.size() / 12);
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView entry = entries.subspan(12 * i, 12);
    if (number_at(entry, 0, 2, little) != kOrientation) continue;
    const std::uint32_t type = number_at(entry, 2, 2, little);
    if (type != kShort && type != kLong) return 1;
    const std::uint32_t value = number_at(entry, 8, type == kShort ? 2 : 4, little);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kMalformedMedia, "the picture cannot be read: {}", what);
}

Result<> set_size(PictureHeader& header, std::uint32_t width, std::uint32_t height) {
  if (width == 0 || height == 0) return malformed(std::format("it says that it is {} x {} pixels", width, height));
  IA_TRY(check_image_size("the picture", width, height));
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
  return {};
}

/// Some browsers show what has come of a picture, and grey for the rest.
std::unexpected<Error> cut_off(ByteView file) {
  return malformed(std::format("it ends too early, after {} bytes", file.size()));
}

Result<PictureHeader> png_header(ByteView file) {
  PictureHeader header{.format = PictureFormat::kPng};
  Result<> sized = malformed("it is a PNG that does not begin with a whole IHDR chunk");
  bool first = true, ended = false;
  walk_png(file, [&](const Piece& chunk) {
    if (std::exchange(first, false)) {
      if (chunk.name != "IHDR" || chunk.data.size() != 13) return false;
      sized = set_size(header, number_at(chunk.data, 0, 4), number_at(chunk.data, 4, 4));
      return sized.has_value();
    }
    if (chunk.name == "eXIf") header.orientation = orientation_of(chunk.data);
    ended = chunk.name == "IEND";
    return !ended;
  });
  IA_TRY(sized);
  if (!ended) return cut_off(file);
  return header;
}

bool is_frame(std::uint8_t marker) {
  const bool table = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
  return marker >= 0xC0 && marker <= 0xCF && !table;
}

/// The EXIF part of an APP1 segment; nothing where it is another.
std::optional<ByteView> exif_of(const Piece& segment) {
  constexpr std::string_view kStart("Exif\0\0", 6);
  if (segment.marker != 0xE1 || !starts_with(segment.data, as_bytes(kStart))) return std::nullopt;
  return segment.data.subspan(kStart.size());
}

Result<PictureHeader> jpeg_header(ByteView file) {
  PictureHeader header{.format = PictureFormat::kJpeg};
  Result<> sized = malformed("it is a JPEG without a frame header before its first scan");
  bool turned = false, framed = false, ended = false;
  walk_jpeg(file, [&](const Piece& segment) {
    // In a scan's data an end marker is the end; what else may hold these two bytes is the decoder's to tell.
    if (segment.marker == 0) ended = !std::ranges::search(segment.whole, kJpegEnd).empty();
    if (const auto exif = exif_of(segment); exif && !std::exchange(turned, true)) {
      header.orientation = orientation_of(*exif);
    }
    if (!is_frame(segment.marker) || std::exchange(framed, true)) return true;
    if (segment.data.size() < 6) return false;
    sized = set_size(header, number_at(segment.data, 3, 2), number_at(segment.data, 1, 2));
    return sized.has_value();
  });
  IA_TRY(sized);
  if (!ended) return cut_off(file);
  return header;
}

/// Critical chunks have a capital first letter; tRNS is left out as well: alpha is not used here.
bool png_needs(const Piece& chunk) { return chunk.name.empty() || (chunk.name[0] & 0x20) == 0; }
/// EXIF and colour profiles lie in APP1 and APP2; APP14 says how colours are stored and stays.
bool jpeg_needs(const Piece& segment) { return segment.marker != 0xE1 && segment.marker != 0xE2; }

}  // namespace

Result<PictureHeader> read_picture_header(ByteView file) {
  if (starts_with(file, kPngSignature)) return png_header(file);
  if (starts_with(file, kJpegSignature)) return jpeg_header(file);
  return fail(ErrorCode::kUnsupportedMedia,
              "the picture ({} bytes) is neither a PNG nor a JPEG; convert it to one of these", file.size());
}

Bytes plain_picture(ByteView file) {
  const bool png = starts_with(file, kPngSignature);
  Bytes plain(file.begin(), file.begin() + (png ? 8 : 2));
  const auto keep = [&](const Piece& piece) {
    if (png ? png_needs(piece) : jpeg_needs(piece)) plain.insert(plain.end(), piece.whole.begin(), piece.whole.end());
    return true;
  };
  png ? walk_png(file, keep) : walk_jpeg(file, keep);
  return plain;
}

std::string_view mime_type(PictureFormat format) { return format == PictureFormat::kPng ? "image/png" : "image/jpeg"; }

}  // namespace ipfs_accelerate
