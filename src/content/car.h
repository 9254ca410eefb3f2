// CARv1 archives: a header with roots, then blocks. https://ipld.io/specs/transport/car/carv1/
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "content/block.h"

namespace ipfs_accelerate::content {

inline constexpr std::size_t kMaxCarHeader = 32u << 10;

/// Fills `into` with the archive's bytes from `offset` and returns how many there were (fewer only at the end).
using ReadAt = std::function<Result<std::size_t>(std::uint64_t offset, std::span<std::uint8_t> into)>;
ReadAt read_from(ByteView bytes);  ///< an archive in memory; `bytes` must outlive it

/// Where a block lies in an archive. Nothing about it was verified.
struct CarSection {
  Cid cid;
  std::uint64_t offset = 0;
  std::size_t length = 0;
};

class CarReader {
 public:
  /// Reads the header. kMalformedBlock, kLimitExceeded (header larger than kMaxCarHeader).
  static Result<CarReader> open(ReadAt read);
  const std::vector<Cid>& roots() const { return roots_; }
  /// The next section, nothing at the end. kMalformedBlock when cut off, kLimitExceeded above kMaxBlockBytes.
  Result<std::optional<CarSection>> next();
  /// A section's block, verified.
  Result<Block> read(const CarSection& section) const;

 private:
  Result<std::optional<std::uint64_t>> read_length();
  ReadAt read_;
  std::vector<Cid> roots_;
  std::uint64_t at_ = 0;
};

Bytes car_header(std::span<const Cid> roots);
/// What stands before a block's bytes: length and CID.
Bytes car_section_header(const Cid& cid, std::size_t length);

}  // namespace ipfs_accelerate::content
