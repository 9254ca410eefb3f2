// Contents in a JSON value that was parsed already; content.h has the form.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "ipfs_accelerate/content.h"

namespace ipfs_accelerate {

Result<std::vector<Content>> contents_of(const nlohmann::json& json, const ReadFile& read_file);

}  // namespace ipfs_accelerate
