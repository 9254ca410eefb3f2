// The table of formats.
#include "tensor/format.h"

#include <algorithm>
#include <array>

namespace ipfs_accelerate {
namespace {

constexpr std::array kFormats{
    Format{Dtype::kF32, "F32", 1, 4, true},     Format{Dtype::kF16, "F16", 1, 2, true},
    Format{Dtype::kBF16, "BF16", 1, 2, true},   Format{Dtype::kF64, "F64", 1, 8, true},
    Format{Dtype::kI64, "I64", 1, 8, false},    Format{Dtype::kI32, "I32", 1, 4, false},
    Format{Dtype::kI16, "I16", 1, 2, false},    Format{Dtype::kI8, "I8", 1, 1, false},
    Format{Dtype::kU8, "U8", 1, 1, false},      Format{Dtype::kBool, "BOOL", 1, 1, false},
    Format{Dtype::kQ8_0, "Q8_0", 32, 34, true},
};

constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < kFormats.size(); ++i) {
    if (static_cast<std::size_t>(kFormats[i].dtype) != i) return false;
  }
  return true;
}
static_assert(table_is_in_order());

/// "A, B and C" of the formats that are wanted.
std::string names(bool (*wanted)(const Format&)) {
  std::string text;
  std::string_view last;
  for (const Format& format : kFormats) {
    if (!wanted(format)) continue;
    if (!last.empty()) text += (text.empty() ? "" : ", ") + std::string(last);
    last = format.name;
  }
  return text + " and " + std::string(last);
}

}  // namespace

const Format& format_of(Dtype dtype) { return kFormats[static_cast<std::size_t>(dtype)]; }

std::string widening_formats() {
  return names([](const Format& format) { return format.widens; });
}

std::string_view dtype_name(Dtype dtype) { return format_of(dtype).name; }

Result<Dtype> dtype_from_name(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &Format::name);
  if (found != kFormats.end() && found->is_plain()) return found->dtype;
  return fail(ErrorCode::kUnsupportedDtype, "dtype '{}' is not known; known are {}", name,
              names([](const Format& format) { return format.is_plain(); }));
}

std::int64_t byte_count(Dtype dtype, std::int64_t elements) {
  const Format& format = format_of(dtype);
  return (elements + format.block_elements - 1) / format.block_elements * format.block_bytes;
}

Result<std::int64_t> byte_count(Dtype dtype, const Shape& shape) {
  IA_ASSIGN(const std::int64_t elements, element_count(shape));
  const Format& format = format_of(dtype);
  const std::int64_t row = shape.empty() ? 1 : shape.back();
  if (row % format.block_elements != 0) {
    return fail(ErrorCode::kWrongShape, "{} {} has rows of {} elements, which are no whole blocks of {}", format.name,
                shape_text(shape), row, format.block_elements);
  }
  return byte_count(dtype, elements);
}

}  // namespace ipfs_accelerate
