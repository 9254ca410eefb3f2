// The table of quirks, read once from the text that the build embeds.
#include "backend/quirks.h"

#include <atomic>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>

#include "quirks/quirks_json.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

/// What a row's "where" may ask for; absent fields are not asked about.
struct Row {
  std::string name, platform, vendor, browser;
  std::optional<bool> real_hardware;
  std::atomic<int> forced{-1};
};

std::deque<Row> read_rows() {
  std::deque<Row> rows;
  const Json file = Json::parse(kQuirksJson, nullptr, false);
  if (!file.is_object() || !file.contains("quirks")) return rows;
  for (const Json& item : file["quirks"]) {
    Row& row = rows.emplace_back();
    row.name = item.value("name", "");
    const Json where = item.value("where", Json::object());
    row.platform = where.value("platform", "");
    row.vendor = where.value("vendor", "");
    row.browser = where.value("browser", "");
    if (where.contains("real_hardware")) row.real_hardware = where["real_hardware"] == true;
  }
  return rows;
}

std::deque<Row>& rows() {
  static std::deque<Row> kept = read_rows();
  return kept;
}

Row* find(std::string_view name) {
  for (Row& row : rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

bool applies(const Row& row, const DeviceInfo& device, std::string_view browser) {
  if (!row.platform.empty() && device.platform != row.platform) return false;
  if (!row.vendor.empty() && !device.vendor.contains(row.vendor)) return false;
  if (!row.browser.empty() && browser != row.browser) return false;
  return !row.real_hardware || *row.real_hardware == device.is_real_hardware;
}

void force(std::string_view name, int forced) {
  if (Row* row = find(name)) row->forced = forced;
}

}  // namespace

bool quirk(std::string_view name, const DeviceInfo& device, std::string_view browser) {
  const Row* row = find(name);
  if (row == nullptr) return false;
  const int forced = row->forced;
  return forced >= 0 ? forced == 1 : applies(*row, device, browser);
}

std::vector<std::string> quirk_names() {
  std::vector<std::string> names;
  for (const Row& row : rows()) names.push_back(row.name);
  return names;
}

ForcedQuirk::ForcedQuirk(std::string_view name, bool on) : name_(name) { force(name_, on ? 1 : 0); }
ForcedQuirk::~ForcedQuirk() { force(name_, -1); }

}  // namespace ipfs_accelerate
