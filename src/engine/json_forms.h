// What several answers have in common, as JSON of either kind (nlohmann finds to_json() by its arguments).
#pragma once

#include "base/result.h"
#include "ipfs_accelerate/run.h"

namespace ipfs_accelerate {

template <class Json>
void to_json(Json& json, const Error& error) {
  json = {{"code", error_name(error.code)}, {"message", error.message}};
}

template <class Json>
void to_json(Json& json, const SegmentReport& segment) {
  json = {{"platform", segment.platform}, {"nodes", segment.nodes}, {"reason", segment.reason}};
}

}  // namespace ipfs_accelerate
