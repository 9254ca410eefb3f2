// Hostile pictures: cut, flipped, inflated, and ones that never end. What whole ones decode to: tests/pictures.
#include "host/pictures/pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

namespace ipfs_accelerate::host {
namespace {

using testing::HasSubstr;
const std::filesystem::path kFolder = IA_SOURCE_DIR "/tests/fixtures/images";

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}
std::vector<std::filesystem::path> small_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder / "files")) files.push_back(entry.path());
  EXPECT_GT(files.size(), 20u);
  return files;
}
Result<Image> decode(const std::string& file) { return decode_picture(as_bytes(file), Stop()); }

TEST(Pictures, ACutOffFileIsAnError) {
  for (const auto& path : small_files()) {
    const std::string whole = content(path);
    ASSERT_TRUE(decode(whole)) << path;
    for (std::size_t size = 0; size < whole.size(); size += size < 100 ? 1 : 23) {
      const auto image = decode(whole.substr(0, size));
      ASSERT_FALSE(image) << path << " cut to " << size << " of " << whole.size();
      const bool told = size >= (path.extension() == ".png" ? 8u : 3u);  // what it is
      const ErrorCode code = told ? ErrorCode::kMalformedMedia : ErrorCode::kUnsupportedMedia;
      ASSERT_EQ(image.error().code, code) << path << " cut to " << size << ": " << image.error().message;
    }
  }
}

TEST(Pictures, AFlippedByteNeverEndsTheProgram) {
  std::size_t refused = 0, decoded = 0;
  for (const auto& path : small_files()) {
    const std::string whole = content(path);
    for (std::size_t at = 0; at < whole.size(); at += 1 + whole.size() / 400) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      const auto image = decode(damaged);
      ++(image ? decoded : refused);
      if (image) {
        EXPECT_TRUE(check_image(*image)) << path << at;
      } else {
        EXPECT_GT(image.error().message.size(), 20u);
      }
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(decoded, 0u);  // in a JPEG a flipped bit of a colour is another colour
}

std::string number(std::uint64_t value) {
  std::string text;
  for (int i = 3; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}
std::string chunk(const std::string& name, const std::string& data) {
  const std::string body = name + data;
  const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return number(data.size()) + body + number(sum);
}
std::string deflated(const std::string& data) {
  std::string packed(compressBound(data.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(data.data()), data.size());
  return packed.substr(0, size);
}
std::string png(std::uint64_t width, std::uint64_t height, const std::string& rows, const std::string& before = "",
                const std::string& kind = std::string("\x08\x02", 2)) {
  const std::string header = number(width) + number(height) + kind + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + before + chunk("IDAT", deflated(rows)) + chunk("IEND", "");
}

TEST(Pictures, ABombStaysSmall) {
  const std::string zeros(16 << 20, '\0');
  EXPECT_EQ(decode(png(1u << 30, 1u << 30, zeros)).error().code, ErrorCode::kLimitExceeded);
  const auto more_rows = decode(png(2, 2, zeros));  // what is too much is not inflated
  ASSERT_TRUE(more_rows) << more_rows.error().message;
  EXPECT_EQ(more_rows->pixels.size(), 12u);
  EXPECT_EQ(decode(png(9000, 7000, zeros.substr(0, 1000))).error().code, ErrorCode::kMalformedMedia);
  // Texts and profiles that inflate to gigabytes are not read.
  EXPECT_TRUE(decode(png(2, 2, std::string(14, '\0'), chunk("zTXt", std::string("k\0\0", 3) + deflated(zeros)))));
  EXPECT_TRUE(decode(png(2, 2, std::string(14, '\0'), chunk("iCCP", std::string("k\0\0", 3) + deflated(zeros)))));
}

// As colours do. Pillow would make all but the darkest 256 of the 65536 levels white.
TEST(Pictures, SixteenBitGrayTakesTheHighByte) {
  const auto image = decode(png(2, 1, std::string("\0\x12\x34\xFE\xDC", 5), "", std::string("\x10\0", 2)));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->pixels, (Bytes{0x12, 0x12, 0x12, 0xFE, 0xFE, 0xFE}));
}

TEST(Pictures, AnUnknownCriticalChunkIsAnError) {
  EXPECT_EQ(decode(png(2, 2, std::string(14, '\0'), chunk("ABCD", "x"))).error().code, ErrorCode::kMalformedMedia);
}

std::string segment(char marker, const std::string& data) {
  return std::string("\xFF") + marker + number(data.size() + 2).substr(2) + data;
}
/// A scan of one black block, of one coefficient: a single bit of data.
std::string scan(int coefficient, int approximation) {
  const auto at = static_cast<char>(coefficient);
  return segment('\xDA', std::string("\x01\x01\0", 3) + at + at + static_cast<char>(approximation)) + '\x7F';
}

// Each scan is a few bytes here and work for every pixel; all of these are valid.
TEST(Pictures, ScansHaveALimit) {
  const std::string one_code = std::string("\x01") + std::string(16, '\0');
  std::string file = "\xFF\xD8" + segment('\xDB', std::string(1, '\0') + std::string(64, '\x01')) +
                     segment('\xC2', std::string("\x08\0\x08\0\x08\x01\x01\x11\0", 9)) +
                     segment('\xC4', std::string(1, '\0') + one_code) + segment('\xC4', "\x10" + one_code) + scan(0, 0);
  for (int i = 1; i < 64; ++i) file += scan(i, 0x01);
  const auto many = decode(file + "\xFF\xD9");
  ASSERT_TRUE(many) << many.error().message;
  EXPECT_EQ(many->pixels, Bytes(3 * 64, 128));
  for (int i = 1; i < 64; ++i) file += scan(i, 0x10);
  const auto more = decode(file + "\xFF\xD9");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kMalformedMedia);
  EXPECT_THAT(more.error().message, HasSubstr("more than 100 scans"));
}

TEST(Pictures, TheCallerCanStop) {
  const Stop stop;
  stop.request();
  for (const char* name : {"interlaced.png", "progressive.jpg", "gray.jpg"}) {
    const std::string file = content(kFolder / "files" / name);
    const auto image = decode_picture(as_bytes(file), stop);
    ASSERT_FALSE(image) << name;
    EXPECT_EQ(image.error().code, ErrorCode::kCancelled) << name;
  }
}

}  // namespace
}  // namespace ipfs_accelerate::host
