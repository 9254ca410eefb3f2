// Questions to opSupportLimits(): {"gelu": {"input": {"dataTypes": [...], "rankRange": {"min", "max"}}, ...}, ...}.
#include "backend/webnn/limits.h"

#include <algorithm>
#include <format>

namespace ipfs_accelerate::webnn {

using Json = nlohmann::json;

Limits::Limits(std::string_view json) : offers_(Json::parse(json, nullptr, false)), max_tensor_bytes_(2147483647) {
  if (!offers_.is_object()) offers_ = Json::object();
  auto found = offers_.find("maxTensorByteLength");
  if (found != offers_.end() && found->is_number()) max_tensor_bytes_ = found->get<std::int64_t>();
}

static std::int64_t bound(const Json& range, const char* name, std::int64_t fallback) {
  auto found = range.find(name);
  return found != range.end() && found->is_number() ? found->get<std::int64_t>() : fallback;
}

std::string Limits::refuses(std::string_view op, std::string_view role, std::string_view data_type,
                            std::size_t rank) const {
  auto offer = offers_.find(op);
  if (offer == offers_.end() || !offer->is_object()) return std::format("WebNN has no {} here", op);
  auto tensor = offer->find(role);
  if (tensor == offer->end() || !tensor->is_object()) return {};  // the browser states nothing about this role
  if (auto types = tensor->find("dataTypes"); types != tensor->end() && types->is_array()) {
    if (std::ranges::find(*types, Json(data_type)) == types->end()) {
      return std::format("WebNN's {} takes no {} as {} here", op, data_type, role);
    }
  }
  auto range = tensor->find("rankRange");
  if (range == tensor->end() || !range->is_object()) return {};
  const auto least = bound(*range, "min", 0), most = bound(*range, "max", 8);
  const auto actual = static_cast<std::int64_t>(rank);
  if (actual >= least && actual <= most) return {};
  return std::format("WebNN's {} takes ranks {} to {} as {} here, {} is needed", op, least, most, role, rank);
}

}  // namespace ipfs_accelerate::webnn
