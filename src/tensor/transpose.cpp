// Transposing a matrix of elements of any size, block by block, so that both sides stay in the cache.
#include <algorithm>
#include <cstring>

#include "tensor/format.h"

namespace ipfs_accelerate {
namespace {

constexpr std::size_t kBlock = 32;

/// The rows [top, bottom) and columns [left, right) of a matrix.
struct Part {
  std::size_t top, bottom, left, right;
};

template <std::size_t kElement>
void turn(const std::uint8_t* from, std::uint8_t* to, std::size_t rows, std::size_t columns, const Part& part) {
  for (std::size_t column = part.left; column < part.right; ++column) {
    for (std::size_t row = part.top; row < part.bottom; ++row) {
      std::memcpy(to + (column * rows + row) * kElement, from + (row * columns + column) * kElement, kElement);
    }
  }
}

template <std::size_t kElement>
void turn_all(const std::uint8_t* from, std::uint8_t* to, std::size_t rows, std::size_t columns) {
  for (std::size_t top = 0; top < rows; top += kBlock) {
    for (std::size_t left = 0; left < columns; left += kBlock) {
      const Part part{top, std::min(rows, top + kBlock), left, std::min(columns, left + kBlock)};
      turn<kElement>(from, to, rows, columns, part);
    }
  }
}

}  // namespace

Result<Bytes> transposed(Dtype dtype, ByteView bytes, std::int64_t rows, std::int64_t columns) {
  const Format& format = format_of(dtype);
  if (!format.is_plain()) {
    return fail(ErrorCode::kUnsupportedDtype, "a matrix of {} cannot be transposed: its blocks run along rows",
                format.name);
  }
  IA_ASSIGN(const std::int64_t wanted, byte_count(dtype, Shape{rows, columns}));
  if (bytes.size() != static_cast<std::size_t>(wanted)) {
    return fail(ErrorCode::kInvalidArgument, "{} bytes are no matrix [{}, {}] of {}", bytes.size(), rows, columns,
                format.name);
  }
  Bytes out(bytes.size());
  const auto height = static_cast<std::size_t>(rows), width = static_cast<std::size_t>(columns);
  switch (format.block_bytes) {
    case 1: turn_all<1>(bytes.data(), out.data(), height, width); break;
    case 2: turn_all<2>(bytes.data(), out.data(), height, width); break;
    case 4: turn_all<4>(bytes.data(), out.data(), height, width); break;
    default: turn_all<8>(bytes.data(), out.data(), height, width); break;
  }
  return out;
}

}  // namespace ipfs_accelerate
