// What of a folder on a disk belongs to a model: the same as natively, where the store adds it (store/tree.h), so that
// the same folder has the same CID.
#pragma once

#include "base/async.h"
#include "host/host.h"

namespace ipfs_accelerate::fetch {

struct DiskItem {
  std::string path;  ///< relative, with '/'
  bool is_folder = false;
  std::uint64_t size = 0;  ///< of a file
};

/// Everything below a folder, folders before what is in them. Hidden names are left out; what symbolic links lead to
/// stands in their place. kNotFound (no such folder, a link that leads nowhere), kInvalidArgument (links in a circle,
/// sockets, pipes, devices), kLimitExceeded (content::kMaxFolderDepth, kMaxFolderLinks), kIo, kCancelled.
Async<std::vector<DiskItem>> walk_disk_folder(host::Files& files, std::string folder, Stop stop);

}  // namespace ipfs_accelerate::fetch
