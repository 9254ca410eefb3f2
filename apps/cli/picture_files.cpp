// Reading and recognising pictures of the command line.
#include "picture_files.h"

#include <algorithm>
#include <filesystem>
#include <format>
#include <fstream>
#include <nlohmann/json.hpp>

#include "commands.h"

namespace ipfs_accelerate::cli {
namespace {

constexpr std::size_t kMostPicture = std::size_t{256} << 20;  // bytes on standard input, as local_files() allows

}  // namespace

bool begins_as_picture(std::string_view bytes) {
  return bytes.starts_with("\x89PNG\r\n\x1a\n") || bytes.starts_with("\xff\xd8\xff");
}

bool is_picture_file(const std::string& name) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(name, none)) return false;
  std::string bytes(8, '\0');
  std::ifstream file(name, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return begins_as_picture(std::string_view(bytes).substr(0, static_cast<std::size_t>(file.gcount())));
}

Result<std::string> read_bytes(std::istream& in) {
  std::string bytes, piece(std::size_t{1} << 16, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    bytes.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    if (bytes.size() > kMostPicture) {
      return std::unexpected(Error{ErrorCode::kLimitExceeded,
                                   "the input begins as a picture, or as no text, and has more "
                                   "than 256 MiB; give a smaller one"});
    }
  }
  return bytes;
}

bool NamedFiles::could_be() const {
  return std::ranges::any_of(names, [](const std::string& name) {
    std::error_code none;
    return std::filesystem::is_regular_file(name, none);
  });
}

Result<std::vector<Content>> NamedFiles::pictures() const {
  nlohmann::json items = nlohmann::json::array();
  for (const std::string& name : names) items.push_back({{"image", name}});
  return read_contents(items.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), local_files());
}

}  // namespace ipfs_accelerate::cli
