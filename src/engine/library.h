// The library: the store of this home with names on top, and missing content fetched when sources are given.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "engine/names.h"
#include "fetch/fetch.h"
#include "ipfs_accelerate/ipfs_accelerate.h"
#include "store/store.h"

namespace ipfs_accelerate {

using content::Cid;

/// A model folder, found: its CID, and where its bytes came from.
struct FoundModel {
  Cid cid;
  std::string source = "cache";  ///< "cache", "ipfs", "p2p"
  bool was_here = true;          ///< nothing had to be added or fetched
};

/// The write lock of the store is held only while something is written, so that several programs can share a store.
class Library {
 public:
  explicit Library(std::filesystem::path home) : home_(std::move(home)), names_(home_) {}
  Result<> open();

  const std::filesystem::path& home() const { return home_; }
  const Names& names() const { return names_; }
  Result<std::shared_ptr<store::Store>> reader();
  /// Runs `work` with the store open for writing.
  template <class T>
  Result<T> write(const std::function<Result<T>(const std::shared_ptr<store::Store>&)>& work);

  Result<> set_name(const std::string& name, const std::string& cid);
  Result<> forget_names(const std::string& cid);

  /// CID, ipfs://CID, /ipfs/CID or a name, each with a path behind it -> "CID/path" as the store takes it. A folder is
  /// none.
  Result<std::string> locate(const std::string& content);
  /// locate(), and what it names is fetched when it is not complete here.
  Result<std::string> locate_complete(const std::string& content, const FetchConfig& fetch);
  /// As locate(), or a folder, which is added by reference. Of a model to fetch only the files that a run needs are
  /// fetched.
  Result<FoundModel> find_model(const std::string& model, const FetchConfig& fetch);

 private:
  Result<std::shared_ptr<store::Store>> open_for_writing();
  Result<FoundModel> add_folder(const std::filesystem::path& folder);
  Result<FoundModel> fetch_model(const std::string& path, const FetchConfig& config);

  std::filesystem::path home_;
  Names names_;
  std::mutex mutex_;        ///< guards reader_
  std::mutex write_mutex_;  ///< one writer in this process
  std::shared_ptr<store::Store> reader_;
};

template <class T>
Result<T> Library::write(const std::function<Result<T>(const std::shared_ptr<store::Store>&)>& work) {
  const std::lock_guard lock(write_mutex_);
  IA_ASSIGN(auto store, open_for_writing());
  Result<T> result = work(store);
  store.reset();
  const std::lock_guard reader_lock(mutex_);
  reader_.reset();  // the next reader sees what was written
  return result;
}

store::ProgressCallback store_progress(const Progress& progress, std::string stage);
std::string_view entry_type_name(store::EntryType type);

}  // namespace ipfs_accelerate
