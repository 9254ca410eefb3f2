// Weight files: safetensors headers -> where each tensor's bytes lie.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tensor/tensor.h"

namespace ipfs_accelerate {

/// Where a stored tensor lies.
struct TensorLocation {
  TensorInfo info;
  std::size_t file = 0;              ///< number of the file, as it was given to add_safetensors()
  std::uint64_t begin = 0, end = 0;  ///< byte range in that file
};

/// The tensor index of a model folder: one or several safetensors files.
class WeightIndex {
 public:
  /// header: the first bytes of a file, at least 8 + header length; file_size: to check ranges against.
  /// Refuses tensors that overlap, reach beyond the file, have another length than their shape, or come twice
  /// (kMalformedWeights).
  Result<> add_safetensors(ByteView header, std::uint64_t file_size, std::size_t file);
  /// Bytes of header a file needs, read from its first 8 bytes: 8 + length. kLimitExceeded above 100 MB (the format's
  /// own cap).
  static Result<std::uint64_t> safetensors_header_bytes(ByteView first8);
  const std::map<std::string, TensorLocation, std::less<>>& tensors() const { return tensors_; }
  TensorTable table() const;

 private:
  std::map<std::string, TensorLocation, std::less<>> tensors_;
};

/// File names of model.safetensors.index.json's weight_map, each once, in order of first use.
Result<std::vector<std::string>> sharded_file_names(std::string_view index_json);

}  // namespace ipfs_accelerate
