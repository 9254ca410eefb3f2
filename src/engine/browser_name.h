// Which browser a page runs in.
#pragma once

#include <string>
#include <string_view>

namespace ipfs_accelerate {

/// "chrome", "firefox", "safari", "edge", "node" or "unknown", from navigator.userAgent.
std::string browser_name(std::string_view user_agent);

}  // namespace ipfs_accelerate
