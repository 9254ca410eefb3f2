#include "page_bytes.h"

namespace ipfs_accelerate::page {

EM_JS(void, ia_bytes_copy, (int handle, double offset, void* into, std::size_t size),
      { Module["iaBytes"].copy(handle, offset, into >>> 0, size); })
EM_JS(void, ia_bytes_drop, (int handle), { Module["iaBytes"].drop(handle); })

PageBytes::~PageBytes() { ia_bytes_drop(handle_); }

void PageBytes::copy(std::uint64_t offset, std::span<std::uint8_t> into) const {
  if (!into.empty()) ia_bytes_copy(handle_, static_cast<double>(offset), into.data(), into.size());
}

HostBytesRef take_bytes(const Answer& answer, std::size_t at) {
  const int handle = static_cast<int>(answer.numbers.at(at));
  if (handle == 0) return nullptr;
  return std::make_shared<PageBytes>(handle, static_cast<std::uint64_t>(answer.numbers.at(at + 1)));
}

int handle_of(const HostBytes& bytes) {
  const auto* kept = dynamic_cast<const PageBytes*>(&bytes);
  return kept == nullptr ? 0 : kept->handle();
}

}  // namespace ipfs_accelerate::page
