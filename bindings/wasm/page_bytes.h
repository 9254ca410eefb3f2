// Bytes outside this memory: the page keeps them in a table, C++ holds the number.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "border.h"

namespace ipfs_accelerate::page {

/// Copies happen at once, so on the engine's thread alone.
class PageBytes final : public HostBytes {
 public:
  /// Takes the table's entry over.
  PageBytes(int handle, std::uint64_t size) : handle_(handle), size_(size) {}
  ~PageBytes() override;
  PageBytes(const PageBytes&) = delete;
  PageBytes& operator=(const PageBytes&) = delete;

  std::uint64_t size() const override { return size_; }
  const std::uint8_t* data() const override { return nullptr; }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override;
  int handle() const { return handle_; }

 private:
  int handle_;
  std::uint64_t size_;
};

/// From a handle and a size in an answer; null for handle 0.
HostBytesRef take_bytes(const Answer& answer, std::size_t at);
/// The handle when the page keeps these bytes, else 0.
int handle_of(const HostBytes& bytes);

}  // namespace ipfs_accelerate::page
