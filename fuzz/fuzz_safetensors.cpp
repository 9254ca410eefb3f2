// Fuzzes safetensors headers and shard indexes: whatever is accepted lies inside the file and has the right length.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tensor/format.h"
#include "weights/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ipfs_accelerate;
  const ByteView file(data, size);
  WeightIndex index;
  if (index.add_safetensors(file, size, 0)) {
    for (const auto& [name, tensor] : index.tensors()) {
      const auto count = element_count(tensor.info.shape),
                 bytes_wanted = byte_count(tensor.info.dtype, tensor.info.shape);
      if (tensor.begin > tensor.end || tensor.end > size || !count || !bytes_wanted) std::abort();
      if (tensor.end - tensor.begin != static_cast<std::uint64_t>(*bytes_wanted)) std::abort();
      const ByteView bytes = file.subspan(tensor.begin, tensor.end - tensor.begin);
      if (check_finite(name, tensor.info.dtype, bytes)) {
        std::vector<float> floats(static_cast<std::size_t>(*count));
        (void)widen_to_f32(tensor.info.dtype, bytes, floats);
      }
    }
  }
  if (const auto names = sharded_file_names(as_text(file))) {
    for (const std::string& name : *names) {
      if (name.find('/') != std::string::npos || name.starts_with('.')) std::abort();
    }
  }
  return 0;
}
