// Reads safetensors headers; trusts nothing in them.
// Format: https://huggingface.co/docs/safetensors (8 bytes of header length, a JSON header, the data).
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tensor/format.h"
#include "weights/weights.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own cap
constexpr std::size_t kMaxDimensions = 16;

std::uint64_t little_endian_64(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

/// Parses the header; a tensor named twice is an error, not the last one's win.
Result<Json> parse_header(std::string_view text) {
  std::vector<std::string> names;
  auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1) names.push_back(parsed.get_ref<const std::string&>());
    return true;
  };
  Json header = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (!header.is_object()) return fail(ErrorCode::kMalformedWeights, "the safetensors header is no JSON object");
  std::ranges::sort(names);
  auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) return fail(ErrorCode::kMalformedWeights, "tensor '{}' is in the header twice", *twice);
  return header;
}

Result<std::uint64_t> read_number(const Json& value, std::string_view name, std::string_view what) {
  if (!value.is_number_unsigned()) {
    return fail(ErrorCode::kMalformedWeights, "tensor '{}': {} is no natural number", name, what);
  }
  return value.get<std::uint64_t>();
}

Result<Shape> read_shape(const Json& entry, std::string_view name) {
  const auto found = entry.find("shape");
  if (found == entry.end() || !found->is_array() || found->size() > kMaxDimensions) {
    return fail(ErrorCode::kMalformedWeights, "tensor '{}' has no usable shape", name);
  }
  Shape shape;
  for (const Json& size : *found) {
    IA_ASSIGN(const std::uint64_t number, read_number(size, name, "a dimension"));
    if (number > (std::uint64_t{1} << 48)) {
      return fail(ErrorCode::kMalformedWeights, "tensor '{}' has a dimension of {}", name, number);
    }
    shape.push_back(static_cast<std::int64_t>(number));
  }
  return shape;
}

Result<Dtype> read_dtype(const Json& entry, const std::string& name) {
  const auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string()) {
    return fail(ErrorCode::kMalformedWeights, "tensor '{}' has no dtype", name);
  }
  auto dtype = dtype_from_name(found->get_ref<const std::string&>());
  if (!dtype) return while_doing(std::move(dtype).error(), "reading tensor '{}'", name);
  return dtype;
}

/// One entry of the header; offsets become positions in the file.
Result<TensorLocation> read_entry(const std::string& name, const Json& entry, std::uint64_t data_begin,
                                  std::uint64_t data_bytes, std::size_t file) {
  if (!entry.is_object()) return fail(ErrorCode::kMalformedWeights, "tensor '{}' is described by no object", name);
  IA_ASSIGN(const Dtype dtype, read_dtype(entry, name));
  IA_ASSIGN(Shape shape, read_shape(entry, name));
  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2) {
    return fail(ErrorCode::kMalformedWeights, "tensor '{}' has no data_offsets", name);
  }
  IA_ASSIGN(const std::uint64_t begin, read_number((*offsets)[0], name, "a data offset"));
  IA_ASSIGN(const std::uint64_t end, read_number((*offsets)[1], name, "a data offset"));
  if (begin > end || end > data_bytes) {
    return fail(ErrorCode::kMalformedWeights, "tensor '{}' lies at bytes {} to {} of {}", name, begin, end, data_bytes);
  }
  const auto bytes = byte_count(dtype, shape);
  if (!bytes || std::cmp_not_equal(*bytes, end - begin)) {
    return fail(ErrorCode::kMalformedWeights, "tensor '{}' of {} {} has {} bytes", name, dtype_name(dtype),
                shape_text(shape), end - begin);
  }
  return TensorLocation{{name, dtype, std::move(shape)}, file, data_begin + begin, data_begin + end};
}

/// Refuses tensors that share bytes. Empty ones share none.
Result<> check_overlaps(std::vector<const TensorLocation*> tensors) {
  std::erase_if(tensors, [](const TensorLocation* t) { return t->begin == t->end; });
  std::ranges::sort(tensors, {}, [](const TensorLocation* t) { return t->begin; });
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    if (tensors[i]->begin < tensors[i - 1]->end) {
      return fail(ErrorCode::kMalformedWeights, "tensors '{}' and '{}' overlap", tensors[i - 1]->info.name,
                  tensors[i]->info.name);
    }
  }
  return {};
}

}  // namespace

Result<std::uint64_t> WeightIndex::safetensors_header_bytes(ByteView first8) {
  if (first8.size() < 8) return fail(ErrorCode::kMalformedWeights, "the file ends before its safetensors header");
  const std::uint64_t length = little_endian_64(first8);
  if (length > kMaxHeaderBytes) {
    return fail(ErrorCode::kLimitExceeded, "the safetensors header claims {} bytes, at most {} are allowed", length,
                kMaxHeaderBytes);
  }
  return 8 + length;
}

Result<> WeightIndex::add_safetensors(ByteView header, std::uint64_t file_size, std::size_t file) {
  IA_ASSIGN(const std::uint64_t data_begin, safetensors_header_bytes(header));
  if (data_begin > header.size() || data_begin > file_size) {
    return fail(ErrorCode::kMalformedWeights, "the safetensors header claims {} bytes, the file has {}", data_begin,
                std::min<std::uint64_t>(header.size(), file_size));
  }
  IA_ASSIGN(const Json entries, parse_header(as_text(header.subspan(8, data_begin - 8))));
  std::map<std::string, TensorLocation, std::less<>> found;
  for (const auto& [name, entry] : entries.items()) {
    if (name == "__metadata__") continue;
    if (tensors_.contains(name)) return fail(ErrorCode::kMalformedWeights, "tensor '{}' is in two files", name);
    IA_ASSIGN(TensorLocation location, read_entry(name, entry, data_begin, file_size - data_begin, file));
    found.emplace(name, std::move(location));
  }
  std::vector<const TensorLocation*> locations;
  for (const auto& [name, location] : found) locations.push_back(&location);
  IA_TRY(check_overlaps(std::move(locations)));
  tensors_.merge(found);
  return {};
}

TensorTable WeightIndex::table() const {
  TensorTable table;
  for (const auto& [name, location] : tensors_) table.emplace(name, location.info);
  return table;
}

}  // namespace ipfs_accelerate
