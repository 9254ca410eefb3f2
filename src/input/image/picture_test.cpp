// Headers of picture files: what they say, and what hostile ones do.
#include "input/image/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ipfs_accelerate {
namespace {

using testing::HasSubstr;

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}
std::string chunk(const std::string& name, const std::string& data) {
  return number(data.size(), 4) + name + data + "sum!";
}
const std::string kEnd = chunk("IEND", "");
std::string png(std::uint64_t width, std::uint64_t height, const std::string& rest = kEnd) {
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", number(width, 4) + number(height, 4) + std::string("\x08\x02\0\0\0", 5)) +
         rest;
}
std::string segment(int marker, const std::string& data) {
  return "\xFF" + number(static_cast<std::uint64_t>(marker), 1) + number(data.size() + 2, 2) + data;
}
std::string frame(std::uint64_t width, std::uint64_t height) {
  return segment(0xC0, "\x08" + number(height, 2) + number(width, 2) + "\x03 and the components");
}
const std::string kStart = "\xFF\xD8";
const std::string kScan = "\xFF\xDA scan\xFF\xD9";

std::string exif(int orientation, bool little) {
  const auto whole = [&](std::uint64_t value, int bytes) {
    std::string text = number(value, bytes);
    if (little) std::ranges::reverse(text);
    return text;
  };
  return (little ? std::string("II") : std::string("MM")) + whole(42, 2) + whole(8, 4) + whole(2, 2) +
         whole(0x0100, 2) + whole(4, 2) + whole(1, 4) + whole(77, 4) + whole(0x0112, 2) + whole(3, 2) + whole(1, 4) +
         whole(static_cast<std::uint64_t>(orientation), 2) + whole(0, 2) + whole(0, 4);
}

Result<PictureHeader> header_of(const std::string& file) { return read_picture_header(as_bytes(file)); }

void expect_refused(const std::string& file, ErrorCode code, const std::string& said) {
  const auto header = header_of(file);
  ASSERT_FALSE(header) << said;
  EXPECT_EQ(header.error().code, code) << header.error().message;
  EXPECT_THAT(header.error().message, HasSubstr(said));
}

TEST(PictureHeader, SaysFormatAndSize) {
  const auto of_png = header_of(png(300, 200));
  ASSERT_TRUE(of_png);
  EXPECT_EQ(of_png->format, PictureFormat::kPng);
  EXPECT_EQ(std::pair(of_png->width, of_png->height), std::pair(300, 200));
  const auto of_jpeg = header_of(kStart + segment(0xE0, "JFIF") + "\xFF\xFF" + segment(0xC4, "tables") + "\xFF" +
                                 frame(640, 480) + kScan);
  ASSERT_TRUE(of_jpeg) << of_jpeg.error().message;
  EXPECT_EQ(of_jpeg->format, PictureFormat::kJpeg);
  EXPECT_EQ(std::pair(of_jpeg->width, of_jpeg->height), std::pair(640, 480));
  EXPECT_EQ(of_jpeg->orientation, 1);
}

TEST(PictureHeader, SaysHowThePictureWasHeld) {
  for (const bool little : {false, true}) {
    const std::string held = exif(6, little);
    EXPECT_EQ(header_of(png(3, 2, chunk("eXIf", held) + kEnd))->orientation, 6);
    EXPECT_EQ(header_of(png(3, 2, chunk("IDAT", "data") + chunk("eXIf", held) + kEnd))->orientation, 6);
    EXPECT_EQ(header_of(png(3, 2, kEnd + chunk("eXIf", held)))->orientation, 1);
    const std::string app1 = segment(0xE1, std::string("Exif\0\0", 6) + held);
    EXPECT_EQ(header_of(kStart + segment(0xE1, "http://xmp") + app1 + frame(3, 2) + kScan)->orientation, 6);
    EXPECT_EQ(header_of(kStart + frame(3, 2) + app1 + kScan)->orientation, 6);
    for (std::size_t cut = 0; cut < held.size(); ++cut) {  // nothing is read past the end
      EXPECT_EQ(header_of(png(3, 2, chunk("eXIf", held.substr(0, cut)) + kEnd))->orientation, cut >= 34 ? 6 : 1) << cut;
    }
  }
  for (const int orientation : {0, 9, 65535}) {
    EXPECT_EQ(header_of(png(3, 2, chunk("eXIf", exif(orientation, true)) + kEnd))->orientation, 1);
  }
}

TEST(PictureHeader, OtherFormatsAreRefused) {
  for (const std::string file : {"", "GIF89a", "RIFF....WEBP", "BM", "\x89PNG", "\xFF\xD8", "<svg/>"}) {
    expect_refused(file, ErrorCode::kUnsupportedMedia, "neither a PNG nor a JPEG");
  }
}

TEST(PictureHeader, HugeOnesTakeNoMemory) {
  expect_refused(png(1u << 31, 1u << 31), ErrorCode::kLimitExceeded, "2147483648 x 2147483648");
  expect_refused(png(UINT32_MAX, 1), ErrorCode::kLimitExceeded, "4294967295 x 1");
  expect_refused(png(16384, 16384), ErrorCode::kLimitExceeded, "16384");
  expect_refused(kStart + frame(65535, 65535) + kScan, ErrorCode::kLimitExceeded, "65535 x 65535");
}

TEST(PictureHeader, BrokenOnesAreRefused) {
  expect_refused(png(0, 0), ErrorCode::kMalformedMedia, "0 x 0");
  expect_refused(png(0, 7), ErrorCode::kMalformedMedia, "0 x 7");
  expect_refused(kStart + frame(7, 0) + kScan, ErrorCode::kMalformedMedia, "7 x 0");
  expect_refused(kStart + kScan, ErrorCode::kMalformedMedia, "frame header");
  expect_refused(kStart + "\xFF", ErrorCode::kMalformedMedia, "frame header");
  expect_refused(kStart + segment(0xC0, "short"), ErrorCode::kMalformedMedia, "frame header");
  expect_refused(kStart + "\xFF\xE0" + number(1, 2) + frame(3, 2), ErrorCode::kMalformedMedia, "frame header");
  expect_refused(kStart + "\xFF\xE0" + number(65535, 2) + frame(3, 2), ErrorCode::kMalformedMedia, "frame header");
  const std::string whole = png(3, 2, chunk("IDAT", "data") + kEnd);
  for (std::size_t cut = 8; cut < whole.size(); ++cut) {
    expect_refused(whole.substr(0, cut), ErrorCode::kMalformedMedia, cut < 33 ? "IHDR" : "ends too early");
  }
  const std::string photo = kStart + segment(0xE0, "JFIF") + frame(3, 2);
  for (std::size_t cut = 3; cut < photo.size(); ++cut) {
    expect_refused(photo.substr(0, cut), ErrorCode::kMalformedMedia, "frame header");
  }
  expect_refused(photo, ErrorCode::kMalformedMedia, "ends too early");
  expect_refused((photo + kScan).substr(0, photo.size() + 8), ErrorCode::kMalformedMedia, "ends too early");
  expect_refused("\x89PNG\r\n\x1a\n" + chunk("IDAT", std::string(13, 'x')) + whole.substr(8),
                 ErrorCode::kMalformedMedia, "IHDR");
}

std::string plain(const std::string& file) { return std::string(as_text(plain_picture(as_bytes(file)))); }

TEST(PlainPicture, LeavesOutWhatABrowserWouldObey) {
  const std::string pixels = chunk("IDAT", "pixels") + chunk("IEND", "");
  EXPECT_EQ(plain(png(3, 2,
                      chunk("gAMA", "....") + chunk("PLTE", "rgb") + chunk("tRNS", "...") +
                          chunk("eXIf", exif(6, true)) + chunk("iCCP", "profile") + pixels)),
            png(3, 2, chunk("PLTE", "rgb") + pixels));
  const std::string adobe = segment(0xEE, "Adobe....");
  EXPECT_EQ(plain(kStart + segment(0xE0, "JFIF") + segment(0xE1, "Exif") + segment(0xE2, "ICC_PROFILE") + adobe +
                  frame(3, 2) + kScan + "\xFF\xE1 is data here"),
            kStart + segment(0xE0, "JFIF") + adobe + frame(3, 2) + kScan + "\xFF\xE1 is data here");
}

TEST(PlainPicture, KeepsWhatItDoesNotUnderstand) {
  for (const std::string& file : {png(3, 2, "rest"), png(3, 2, number(UINT32_MAX, 4) + "IDATxxxxxxxx"),
                                  kStart + "\xFF\xE1", kStart + "\xFF\xE1\xFF\xFF", kStart + "garbage"}) {
    EXPECT_EQ(plain(file), file);
  }
}

}  // namespace
}  // namespace ipfs_accelerate
