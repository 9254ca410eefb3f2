// POSIX calls, retried when interrupted.
#include "store/os.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ipfs_accelerate::store {

std::unexpected<Error> os_error(std::string_view doing, const fs::path& path) {
  const int number = errno;
  const std::string reason = std::error_code(number, std::generic_category()).message();
  if (number == ENOENT || number == ENOTDIR)
    return fail(ErrorCode::kNotFound, "{} {}: {}", doing, path.string(), reason);
  if (number == ENOSPC || number == EDQUOT) {
    return fail(ErrorCode::kQuotaExceeded, "{} {}: {}; free some space and try again", doing, path.string(), reason);
  }
  return fail(ErrorCode::kIo, "{} {}: {}", doing, path.string(), reason);
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<File> File::open(const fs::path& path, int flags, int mode) {
  File file;
  file.path_ = path;
  do {
    file.fd_ = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (file.fd_ < 0 && errno == EINTR);
  if (file.fd_ < 0) return os_error("opening", path);
  return file;
}

Result<struct stat> File::status() const {
  struct stat status;
  if (::fstat(fd_, &status) != 0) return os_error("reading the state of", path_);
  return status;
}

Result<std::uint64_t> File::size() const {
  IA_ASSIGN(const struct stat now, status());
  return static_cast<std::uint64_t>(now.st_size);
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<std::uint8_t> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto count = ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("reading", path_);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<> File::read_exact(std::uint64_t offset, std::span<std::uint8_t> into) const {
  IA_ASSIGN(const std::size_t have, read_at(offset, into));
  if (have == into.size()) return {};
  return fail(ErrorCode::kIo, "reading {}: {} bytes at offset {}, {} were expected", path_.string(), have, offset,
              into.size());
}

Result<> File::write_at(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("writing", path_);
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<> File::resize(std::uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return os_error("resizing", path_);
  return {};
}

Result<> File::sync() {
  if (::fdatasync(fd_) != 0) return os_error("syncing", path_);
  return {};
}

Mapping::~Mapping() {
  if (data_) ::munmap(data_, size_);
}

Result<Mapping> Mapping::of_file(const File& file, std::uint64_t size) {
  Mapping mapping;
  if (size == 0) return mapping;
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd(), 0);
  if (data == MAP_FAILED) return os_error("mapping", file.path());
  mapping.data_ = static_cast<std::uint8_t*>(data);
  mapping.size_ = size;
  return mapping;
}

Result<Mapping> Mapping::of_memory(std::uint64_t size) {
  Mapping mapping;
  if (size == 0) return mapping;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (data == MAP_FAILED) return fail(ErrorCode::kOutOfMemory, "no room for a file of {} bytes in memory", size);
  mapping.data_ = static_cast<std::uint8_t*>(data);
  mapping.size_ = size;
  return mapping;
}

Result<> make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) return {};
  errno = error.value();
  return os_error("creating folder", path);
}

std::vector<fs::path> paths_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    paths.push_back(it->path());
  }
  return paths;
}

Result<> sync_folder(const fs::path& path) {
  IA_ASSIGN(File folder, File::open(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.fd()) != 0) return os_error("syncing folder", path);
  return {};
}

Result<> move(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return os_error("renaming", from);
  return {};
}

Result<Bytes> read_file(const fs::path& path, std::uint64_t most) {
  IA_ASSIGN(const File file, File::open(path, O_RDONLY));
  IA_ASSIGN(const std::uint64_t size, file.size());
  if (size > most) {
    return fail(ErrorCode::kLimitExceeded, "{} has {} bytes, at most {} are expected", path.string(), size, most);
  }
  Bytes bytes(size);
  IA_ASSIGN(const std::size_t have, file.read_at(0, bytes));
  bytes.resize(have);
  return bytes;
}

Result<> replace_file(const fs::path& path, ByteView content) {
  fs::path fresh = path;
  fresh += ".new";
  {
    IA_ASSIGN(File file, File::open(fresh, O_WRONLY | O_CREAT | O_TRUNC));
    IA_TRY(file.write_at(0, content));
    IA_TRY(file.sync());
  }
  IA_TRY(move(fresh, path));
  return sync_folder(path.parent_path());
}

}  // namespace ipfs_accelerate::store
