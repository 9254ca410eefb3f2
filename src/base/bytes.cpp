// Host bytes in memory of our own, and views of host bytes.
#include "base/bytes.h"

#include <cstring>

namespace ipfs_accelerate {
namespace {

class OwnBytes final : public HostBytes {
 public:
  explicit OwnBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::uint8_t* data() const override { return bytes_.data(); }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }

 private:
  Bytes bytes_;
};

}  // namespace

HostBytesRef own_bytes(Bytes bytes) { return std::make_shared<OwnBytes>(std::move(bytes)); }

BytesView::BytesView(HostBytesRef bytes, std::uint64_t offset, std::uint64_t length) : bytes_(std::move(bytes)) {
  if (length == 0) return;
  if (const std::uint8_t* data = bytes_->data()) {
    view_ = {data + offset, static_cast<std::size_t>(length)};
    return;
  }
  copy_.resize(static_cast<std::size_t>(length));
  bytes_->copy(offset, copy_);
  view_ = copy_;
}

}  // namespace ipfs_accelerate
