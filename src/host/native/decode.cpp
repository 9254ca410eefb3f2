#include "host/native/decode.h"

#include "host/pictures/pictures.h"

namespace ipfs_accelerate::host {

Async<Image> NativeDecode::picture(HostBytesRef file, Stop stop) {
  Image image;
  const auto work = [&]() -> Result<> {
    const BytesView view(file, 0, file->size());
    IA_ASSIGN(image, decode_picture(view.view(), stop));
    return {};
  };
  co_await compute_.offload(work, stop);
  co_return std::move(image);
}

}  // namespace ipfs_accelerate::host
