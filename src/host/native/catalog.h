// The native catalog: registered names, and folders, which are added to the store by reference.
#pragma once

#include "base/turns.h"
#include "host/host.h"
#include "host/native/lane.h"
#include "host/native/library.h"

namespace ipfs_accelerate::host {

class NativeCatalog final : public Catalog {
 public:
  NativeCatalog(Library& library, Loop& loop) : library_(library), lane_(loop) {}
  Async<Located> locate(std::string model, Stop stop) override;

 private:
  Library& library_;
  Turns turns_;  ///< whoever stops need not wait for the folder that is being hashed
  Lane lane_;
};

}  // namespace ipfs_accelerate::host
