// The native host: the ports over this machine, around one store.
#pragma once

#include <filesystem>
#include <memory>

#include "host/host.h"
#include "host/native/library.h"
#include "host/native/loop.h"

namespace ipfs_accelerate::host {

class NativeHost {
 public:
  /// Opens (and makes, when missing) the store and its names at `home`. kStoreLocked, kStoreCorrupt, kIo.
  static Result<std::unique_ptr<NativeHost>> open(const std::filesystem::path& home);
  ~NativeHost();
  Host& host() { return *host_; }
  Loop& loop() { return loop_; }
  Library& library() { return library_; }

 private:
  struct Ports;
  explicit NativeHost(const std::filesystem::path& home);
  Library library_;
  Loop loop_;
  std::unique_ptr<Ports> ports_;
  std::unique_ptr<Host> host_;
};

}  // namespace ipfs_accelerate::host
