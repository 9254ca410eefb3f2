// Files that content names, read by their path.
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/result.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate {
namespace {

constexpr std::uintmax_t kMaxFile = 256u << 20;  // a picture or sound beyond this is none

/// Why a path names no file that can be read; nothing where it names one.
std::string_view what_is_wrong(const std::filesystem::path& path) {
  std::error_code error;
  const auto found = std::filesystem::status(path, error).type();
  using enum std::filesystem::file_type;
  switch (found) {
    case regular: return {};
    case directory: return "it is a folder";
    case fifo: return "it is a pipe, and no regular file";
    case socket: return "it is a socket, and no regular file";
    case block:
    case character: return "it is a device, and no regular file";
    case not_found:
      return std::filesystem::is_symlink(path, error) ? "it is a link to nothing" : "there is no such file";
    default: return "its folder cannot be read, or links lead in a circle";
  }
}

Result<std::vector<std::uint8_t>> read_local(const FileName& name) {
  const auto* const path = std::get_if<std::string>(&name);
  if (!path) return fail(ErrorCode::kInvalidArgument, "there are no blobs here; give the path of a file");
  if (const std::string_view wrong = what_is_wrong(*path); !wrong.empty()) {
    return fail(ErrorCode::kNotFound, "cannot read the file {}: {}", *path, wrong);
  }
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(*path, error);
  if (error) return fail(ErrorCode::kIo, "cannot read {}: {}", *path, error.message());
  if (size > kMaxFile) {
    return fail(ErrorCode::kLimitExceeded, "{} has {} bytes; at most {} are read", *path, size, kMaxFile);
  }
  std::vector<std::uint8_t> bytes(size);
  std::ifstream file(*path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    return fail(ErrorCode::kIo, "cannot read the file {}: {}", *path, std::generic_category().message(errno));
  }
  return bytes;
}

}  // namespace

ReadFile local_files() { return read_local; }

}  // namespace ipfs_accelerate
