// Quirks: the rows of quirks/quirks.json, asked for by name where they are obeyed.
#pragma once

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"

namespace ipfs_accelerate {

/// A table of rows, each with the devices and browsers it is for. Every function may be called from any thread.
class Quirks {
 public:
  /// {"quirks": [{"name", "where": {"platform"?, "vendor"?, "browser"?, "real_hardware"?}}]}; what "where" leaves out
  /// is not asked about.
  explicit Quirks(std::string_view json);
  /// Whether the row `name` is in force: as it was forced, else where all that its "where" says is so for this device.
  /// False for a name without a row.
  bool in_force(std::string_view name, const DeviceInfo& device) const;
  /// On or off whatever the device is; nothing: as the row says.
  void force(std::string_view name, std::optional<bool> on);
  std::vector<std::string> names() const;

 private:
  struct Row {
    std::string name, platform, vendor, browser;
    std::optional<bool> real_hardware;
    std::atomic<int> forced{-1};
    bool applies(const DeviceInfo& device) const;
  };
  const Row* find(std::string_view name) const;
  std::deque<Row> rows_;
};

/// The table of this program (quirks/quirks.json).
bool quirk(std::string_view name, const DeviceInfo& device = {});
std::vector<std::string> quirk_names();

/// Forces a row of it on or off as long as it lives. For tests, and to find out whether a row is still needed.
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
