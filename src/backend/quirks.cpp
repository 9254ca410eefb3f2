// Tables of quirks; the program's is read once from the text that the build embeds.
#include "backend/quirks.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "quirks/quirks_json.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

Quirks& table() {
  static Quirks kept(kQuirksJson);
  return kept;
}

}  // namespace

Quirks::Quirks(std::string_view json) {
  const Json file = Json::parse(json, nullptr, false);
  if (!file.is_object() || !file.contains("quirks")) return;
  for (const Json& item : file["quirks"]) {
    Row& row = rows_.emplace_back();
    row.name = item.value("name", "");
    const Json where = item.value("where", Json::object());
    row.platform = where.value("platform", "");
    row.vendor = where.value("vendor", "");
    row.browser = where.value("browser", "");
    if (where.contains("real_hardware")) row.real_hardware = where["real_hardware"] == true;
  }
}

bool Quirks::Row::applies(const DeviceInfo& device) const {
  if (!platform.empty() && device.platform != platform) return false;
  if (!vendor.empty() && !device.vendor.contains(vendor)) return false;
  if (!browser.empty() && device.browser != browser) return false;
  return !real_hardware || *real_hardware == device.is_real_hardware;
}

const Quirks::Row* Quirks::find(std::string_view name) const {
  const auto found = std::ranges::find(rows_, name, &Row::name);
  return found == rows_.end() ? nullptr : &*found;
}

bool Quirks::in_force(std::string_view name, const DeviceInfo& device) const {
  const Row* row = find(name);
  if (row == nullptr) return false;
  const int forced = row->forced;
  return forced >= 0 ? forced == 1 : row->applies(device);
}

void Quirks::force(std::string_view name, std::optional<bool> on) {
  const auto found = std::ranges::find(rows_, name, &Row::name);
  if (found != rows_.end()) found->forced = on ? int(*on) : -1;
}

std::vector<std::string> Quirks::names() const {
  std::vector<std::string> names;
  for (const Row& row : rows_) names.push_back(row.name);
  return names;
}

bool quirk(std::string_view name, const DeviceInfo& device) { return table().in_force(name, device); }
std::vector<std::string> quirk_names() { return table().names(); }

ForcedQuirk::ForcedQuirk(std::string_view name, bool on) : name_(name) { table().force(name_, on); }
ForcedQuirk::~ForcedQuirk() { table().force(name_, std::nullopt); }

}  // namespace ipfs_accelerate
