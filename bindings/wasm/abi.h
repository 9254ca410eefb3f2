// What every exported function shares: JSON in, a numeric code out, the answer in one reply slot.
//
// An export returns 0, or an ErrorCode's number. ia_reply_data/size then hold JSON: the answer, or {"code", "message"}.
// Some answers also have binary bytes: ia_bytes_data/size. Both live until the next call. Calls come from one thread.
#pragma once

#include <emscripten/emscripten.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/result.h"
#include "content/cid.h"

#define IA_EXPORT extern "C" EMSCRIPTEN_KEEPALIVE

namespace ipfs_accelerate::wasm {

using Json = nlohmann::json;

struct Reply {
  std::string json;
  Bytes bytes;
};
Reply& reply();
int answer(const Result<Json>& result);

/// kInvalidArgument when `text` is no JSON object.
Result<Json> parse_object(const char* text, std::size_t size);
/// An integer field; `fallback` when absent or of another type.
std::int64_t int_field(const Json& object, std::string_view key, std::int64_t fallback);
bool bool_field(const Json& object, std::string_view key, bool fallback);
std::string text_field(const Json& object, std::string_view key);

/// {"batch", "sequence", "rows"}, each at least 1 (rows may be 0: it is raised to 1).
Result<ShapeClass> shape_field(const Json& object);
Json shape_json(const ShapeClass& shape);
/// {"precision", "threads"}.
LoadOptions load_options(const Json& object);
/// {text, version, codec, hash, digest (hex)}.
Json cid_json(const content::Cid& cid);
/// "parts": [{dtype, shape, pointer, bytes}], pointing into this memory. kInvalidArgument, kMalformedWeights,
/// kNotFinite when one holds NaN or infinity.
Result<std::vector<WeightPart>> weight_parts(const Json& object);
/// Names, dtypes and dims of a graph's inputs and outputs, and the ids of the weights its nodes use.
Json graph_json(const Graph& graph);

/// Objects the page holds by number.
template <class T>
class Handles {
 public:
  int keep(std::unique_ptr<T> object) {
    kept_[++last_] = std::move(object);
    return last_;
  }
  Result<T*> find(int handle) const {
    auto found = kept_.find(handle);
    if (found == kept_.end()) return fail(ErrorCode::kInvalidArgument, "no object has the handle {}", handle);
    return found->second.get();
  }
  void drop(int handle) { kept_.erase(handle); }

 private:
  std::map<int, std::unique_ptr<T>> kept_;
  int last_ = 0;
};

/// Graphs the page may compile: segments of a pipeline, and the cases of a self-check.
Handles<Graph>& graphs();

}  // namespace ipfs_accelerate::wasm
