// Names: the small file in the store's home that gives CIDs human names.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"

namespace ipfs_accelerate {

/// Name -> CID text. Kept as <home>/names.json and replaced in one step, so that a crash leaves the old or the new one.
class Names {
 public:
  explicit Names(std::filesystem::path home) : file_(std::move(home) / "names.json") {}
  /// Letters, digits, '.', '_', '-' and '/' between them, at most 128; nothing that could be read as a CID or a path.
  static Result<> check(const std::string& name);
  Result<std::map<std::string, std::string>> all() const;  ///< kStoreCorrupt when the file is no names file
  Result<> set(const std::string& name, const std::string& cid);
  Result<> forget_cid(const std::string& cid);

 private:
  Result<> write(const std::map<std::string, std::string>& names) const;
  std::filesystem::path file_;
};

}  // namespace ipfs_accelerate
