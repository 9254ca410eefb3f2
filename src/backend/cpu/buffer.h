// Buffer: aligned floats, on huge pages where the system gives them.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "base/compute.h"

namespace ipfs_accelerate::cpu {

/// Floats that start on a cache line; not initialised. Empty after a failed allocation.
class Buffer {
 public:
  Buffer() = default;
  /// `compute` is told of large ones.
  explicit Buffer(std::size_t count, Compute* compute = nullptr)
      : size_(count), alignment_(count * 4 >= kHugePage ? kHugePage : kCacheLine) {
    if (count == 0) return;
    data_ = static_cast<float*>(::operator new(count * 4, std::align_val_t(alignment_), std::nothrow));
    if (data_ == nullptr) size_ = 0;
    // Weights are read end to end: with 4 KiB pages address translation alone would cost several percent.
    if (data_ != nullptr && compute != nullptr && alignment_ == kHugePage) {
      compute->advise_huge(data_, count * 4 / kHugePage * kHugePage);
    }
  }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) ::operator delete(data_, std::align_val_t(alignment_));
  }

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(float); }

 private:
  static constexpr std::size_t kCacheLine = 64;
#ifdef __EMSCRIPTEN__
  static constexpr std::size_t kHugePage = SIZE_MAX;
#else
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
#endif

  void swap(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(alignment_, other.alignment_);
  }

  float* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t alignment_ = kCacheLine;
};

}  // namespace ipfs_accelerate::cpu
