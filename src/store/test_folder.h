// Test helpers: a folder that goes away, and files to put in it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/bytes.h"

namespace ipfs_accelerate::store {

namespace fs = std::filesystem;

struct TestFolder {
  fs::path path;
  TestFolder() {
    std::string name = (fs::temp_directory_path() / "ia_store_XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

inline void write_text(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline void write_random(const fs::path& path, std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes((size + 7) / 8 * 8, '\0');
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t word = random();
    bytes.replace(i, 8, reinterpret_cast<const char*>(&word), 8);
  }
  bytes.resize(size);
  write_text(path, bytes);
}

inline Bytes read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

inline void flip_byte(const fs::path& path, std::uint64_t offset) {
  const int fd = ::open(path.c_str(), O_RDWR);
  char byte = 0;
  if (::pread(fd, &byte, 1, static_cast<off_t>(offset)) != 1) std::abort();
  byte ^= 1;
  if (::pwrite(fd, &byte, 1, static_cast<off_t>(offset)) != 1) std::abort();
  ::close(fd);
}

/// The one file of this size below `folder`.
inline fs::path file_of_size(const fs::path& folder, std::uint64_t size) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.file_size() == size) return entry.path();
  }
  return {};
}

}  // namespace ipfs_accelerate::store
