// Files that content names, read by their path.
#include <filesystem>
#include <fstream>

#include "base/result.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate {
namespace {

constexpr std::uintmax_t kMaxFile = 256u << 20;  // a picture or sound beyond this is none

Result<std::vector<std::uint8_t>> read_local(const FileName& name) {
  const auto* const path = std::get_if<std::string>(&name);
  if (!path) return fail(ErrorCode::kInvalidArgument, "there are no blobs here; give the path of a file");
  std::error_code error;
  const std::uintmax_t size =
      std::filesystem::is_regular_file(*path, error) ? std::filesystem::file_size(*path, error) : std::uintmax_t{0};
  if (error || !std::filesystem::is_regular_file(*path, error)) {
    return fail(ErrorCode::kNotFound, "there is no file {}", *path);
  }
  if (size > kMaxFile) {
    return fail(ErrorCode::kLimitExceeded, "{} has {} bytes; at most {} are read", *path, size, kMaxFile);
  }
  std::vector<std::uint8_t> bytes(size);
  std::ifstream file(*path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    return fail(ErrorCode::kIo, "cannot read {}", *path);
  }
  return bytes;
}

}  // namespace

ReadFile local_files() { return read_local; }

}  // namespace ipfs_accelerate
