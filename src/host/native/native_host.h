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
  /// home: the folder that holds the store and its names. Library::open() must have succeeded.
  explicit NativeHost(Library& library);
  ~NativeHost();
  Host& host() { return *host_; }
  Loop& loop() { return loop_; }

 private:
  struct Ports;
  Loop loop_;
  std::unique_ptr<Ports> ports_;
  std::unique_ptr<Host> host_;
};

}  // namespace ipfs_accelerate::host
