// What one WebNN context offers, read from its opSupportLimits().
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ipfs_accelerate::webnn {

class Limits {
 public:
  /// Text that is no JSON object is an empty offer: every op is then refused.
  explicit Limits(std::string_view json);

  /// Why `op` cannot take (or give) a tensor of this WebNN data type and rank in the role the specification names
  /// ("input", "a", "scale", "output"); empty when it can. A rank range that is not stated allows every rank.
  std::string refuses(std::string_view op, std::string_view role, std::string_view data_type, std::size_t rank) const;

  /// Largest tensor; 2^31 - 1 when not stated, the smallest seen in browsers.
  std::int64_t max_tensor_bytes() const { return max_tensor_bytes_; }

 private:
  nlohmann::json offers_;
  std::int64_t max_tensor_bytes_;
};

}  // namespace ipfs_accelerate::webnn
