// Files, mappings and durable replacement: the few POSIX calls the store makes, as Results.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace ipfs_accelerate::store {

namespace fs = std::filesystem;

/// The error of the last system call: kNotFound, kQuotaExceeded (disk full) or kIo.
std::unexpected<Error> os_error(std::string_view doing, const fs::path& path);

class File {
 public:
  File() = default;
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~File();
  static Result<File> open(const fs::path& path, int flags, int mode = 0644);

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const fs::path& path() const { return path_; }
  Result<struct stat> status() const;
  Result<std::uint64_t> size() const;
  /// Fewer bytes than asked only at the end of the file.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const;
  Result<> read_exact(std::uint64_t offset, std::span<std::uint8_t> into) const;
  Result<> write_at(std::uint64_t offset, ByteView bytes);
  Result<> resize(std::uint64_t size);
  Result<> sync();  ///< the data, and what is needed to read it back

 private:
  int fd_ = -1;
  fs::path path_;
};

/// A read-only view of a file, or zeroed memory of our own.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping();
  static Result<Mapping> of_file(const File& file, std::uint64_t size);
  static Result<Mapping> of_memory(std::uint64_t size);  ///< pages come into being when they are written

  ByteView bytes() const { return {data_, size_}; }
  std::uint8_t* writable() { return data_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

Result<> make_folders(const fs::path& path);
/// What is directly in a folder; nothing where there is no folder.
std::vector<fs::path> paths_in(const fs::path& folder);
Result<> sync_folder(const fs::path& path);
Result<> move(const fs::path& from, const fs::path& to);
/// kNotFound; kLimitExceeded above `most` bytes.
Result<Bytes> read_file(const fs::path& path, std::uint64_t most);
/// Readers see the old content or the new, also after a crash.
Result<> replace_file(const fs::path& path, ByteView content);

}  // namespace ipfs_accelerate::store
