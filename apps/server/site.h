// The page's files and the small API beside it.
#pragma once

#include <filesystem>

#include "http.h"

namespace ipfs_accelerate::server {

/// A file below `root`; "/" is index.html. Nothing outside `root` is ever read. The headers isolate the page from other
/// origins, which gives it threads (SharedArrayBuffer) and exact clocks.
Response site(const std::filesystem::path& root, const Request& request);

/// {"models": [{"name", "cid", "task", "architecture"}]}
Response models(Engine& engine);

/// Headers that every answer to the page carries.
void add_page_headers(Response& response);

}  // namespace ipfs_accelerate::server
