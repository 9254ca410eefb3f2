// Importing: a model folder that has no CID yet, at an address or on a disk, gets one, so that its bytes can be read by
// CID like all others. Names are those of the profile unixfs-v1-2025.
#pragma once

#include "fetch/fetch.h"

namespace ipfs_accelerate::fetch {

/// What to ask an address for: a folder there cannot be listed.
struct WantedFiles {
  std::vector<std::string> small;  ///< those of these that are there
  std::string whole;               ///< the weights in one file,
  std::string index;               ///< or in the files that this one lists
  Result<std::vector<std::string>> (*listed)(std::string_view index) = nullptr;
};

/// The folder with exactly those files of `wanted` that lie below `url` (http or https). Blocks are kept; where there
/// is no room, in memory as long as `fetcher` lives, whose options say how long to wait and whether local addresses are
/// allowed. kNotFound when there is none of the small ones. A file comes whole, so it must fit into memory
/// (kOutOfMemory); kLimitExceeded above 64 MiB, of weights above 1 TiB, or above 2 GiB where the server does not say
/// how long they are.
Async<Cid> import_url_folder(host::Host& host, Fetcher& fetcher, std::string url, WantedFiles wanted, Stop stop);

/// A folder on a disk (needs the host's Files), as disk_folder.h takes it. Nothing is copied: `fetcher` reads blocks
/// from the folder's files again, and verifies them, when they are wanted. kNotFound, before anything below it is
/// looked at, when there is no such folder, or no config.json in it.
Async<Cid> import_disk_folder(host::Host& host, Fetcher& fetcher, std::string folder, Stop stop);

}  // namespace ipfs_accelerate::fetch
