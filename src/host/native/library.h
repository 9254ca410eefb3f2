// The library: the store of this home with names on top.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "host/native/names.h"
#include "store/store.h"

namespace ipfs_accelerate {

using content::Cid;

class Library;
/// While it lives, this thread is telling its caller of a write to the library, and the write waits for that.
class TellingOfWrite {
 public:
  explicit TellingOfWrite(const Library& library);
  ~TellingOfWrite();
  TellingOfWrite(const TellingOfWrite&) = delete;
  TellingOfWrite& operator=(const TellingOfWrite&) = delete;

 private:
  const Library* outer_;
};

/// The write lock of the store is held only while something is written, so that several programs can share a store.
class Library {
 public:
  /// Programs that share a store wait for each other's short writes, so long; then kStoreLocked.
  static constexpr std::chrono::milliseconds kLockPatience{10'000};
  explicit Library(std::filesystem::path home, std::chrono::milliseconds lock_patience = kLockPatience)
      : home_(std::move(home)), lock_patience_(lock_patience), names_(home_) {}
  Result<> open();

  const std::filesystem::path& home() const { return home_; }
  const Names& names() const { return names_; }
  Result<std::shared_ptr<store::Store>> reader();
  /// Whether this thread may wait for writers: kInvalidArgument where the writer waits for this thread.
  Result<> check_may_write() const;
  /// Runs `work` with the store open for writing. kCancelled while it waits for other writers; check_may_write().
  template <class T>
  Result<T> write(const std::function<Result<T>(const std::shared_ptr<store::Store>&)>& work, const Stop& stop = {});

  Result<> set_name(const std::string& name, const std::string& cid);
  Result<> forget_names(const std::string& cid);

  /// CID, ipfs://CID, /ipfs/CID or a name, each with a path behind it -> "CID/path" as the store takes it. A folder is
  /// none.
  Result<std::string> locate(const std::string& content);
  /// Adds a folder by reference, with what its links point to; `was_here`: nothing was new. kCancelled: nothing was
  /// added.
  Result<Cid> add_folder(const std::filesystem::path& folder, bool& was_here, const Stop& stop);

 private:
  Result<std::shared_ptr<store::Store>> open_for_writing(const Stop& stop);
  /// Waits for the other writer of this process.
  Result<std::unique_lock<std::timed_mutex>> lock_for_writing(const Stop& stop);
  std::filesystem::path home_;
  std::chrono::milliseconds lock_patience_;
  Names names_;
  std::mutex mutex_;              ///< guards reader_
  std::timed_mutex write_mutex_;  ///< one writer in this process
  std::shared_ptr<store::Store> reader_;
};

template <class T>
Result<T> Library::write(const std::function<Result<T>(const std::shared_ptr<store::Store>&)>& work, const Stop& stop) {
  IA_ASSIGN(const auto lock, lock_for_writing(stop));
  IA_ASSIGN(auto store, open_for_writing(stop));
  Result<T> result = work(store);
  store.reset();
  const std::lock_guard reader_lock(mutex_);
  reader_.reset();  // the next reader sees what was written
  return result;
}

}  // namespace ipfs_accelerate
