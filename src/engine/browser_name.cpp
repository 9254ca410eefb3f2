#include "engine/browser_name.h"

#include <utility>

namespace ipfs_accelerate {

std::string browser_name(std::string_view user_agent) {
  // Each also says the names of those below it.
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"Node.js", "node"},     {"Edg/", "edge"},
                                                                      {"Firefox/", "firefox"}, {"Chrome/", "chrome"},
                                                                      {"Chromium/", "chrome"}, {"Safari/", "safari"}};
  for (const auto& [word, name] : kNames) {
    if (user_agent.contains(word)) return std::string(name);
  }
  return "unknown";
}

}  // namespace ipfs_accelerate
