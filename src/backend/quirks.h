// Quirks: the rows of quirks/quirks.json, asked for by name where they are obeyed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"

namespace ipfs_accelerate {

/// Whether the row `name` is in force: as it was forced, else where all that its "where" says is so for this device
/// and browser. False for a name without a row. From any thread.
bool quirk(std::string_view name, const DeviceInfo& device = {}, std::string_view browser = {});

/// The names of all rows.
std::vector<std::string> quirk_names();

/// Forces a row on or off as long as it lives. For tests, and to find out whether a row is still needed.
class ForcedQuirk {
 public:
  ForcedQuirk(std::string_view name, bool on);
  ~ForcedQuirk();
  ForcedQuirk(const ForcedQuirk&) = delete;
  ForcedQuirk& operator=(const ForcedQuirk&) = delete;

 private:
  std::string name_;
};

}  // namespace ipfs_accelerate
