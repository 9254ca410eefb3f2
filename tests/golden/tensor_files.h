// Safetensors files read whole: what golden runs compare with, and models by tensor name in tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "weights/weights.h"

namespace ipfs_accelerate {

/// A safetensors file in memory, or several.
class TensorFiles {
 public:
  Result<> add(const std::filesystem::path& file);
  const WeightIndex& index() const { return index_; }
  /// Any numeric tensor as floats.
  Result<Tensor> floats(const std::string& name) const;
  /// Any integer tensor as i32.
  Result<Tensor> ints(const std::string& name) const;
  struct Stored {
    TensorInfo info;
    ByteView bytes;
  };
  Result<Stored> stored(const std::string& name) const;  ///< kMissingWeight

 private:
  WeightIndex index_;
  std::vector<Bytes> files_;
};

Result<std::string> read_text(const std::filesystem::path& file);  ///< kNotFound

}  // namespace ipfs_accelerate
