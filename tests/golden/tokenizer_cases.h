// Runs one folder of recorded tokenizer results (tokenizer.json, cases.json).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace ipfs_accelerate::golden {

struct TokenizerReport {
  std::size_t cases = 0, failed = 0;
  std::string first_difference;  ///< "case: field: got ..., wanted ..."
};

/// Errors: files that cannot be read, a tokenizer that cannot be loaded.
Result<TokenizerReport> run_tokenizer_cases(const std::filesystem::path& folder);

}  // namespace ipfs_accelerate::golden
