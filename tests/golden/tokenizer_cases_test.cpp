// Every recorded tokenizer of the tree: every case of every op is equal.
#include "golden/tokenizer_cases.h"

#include <gtest/gtest.h>

namespace ipfs_accelerate::golden {
namespace {

TEST(TokenizerCases, EveryCaseIsEqual) {
  std::size_t tokenizers = 0;
  for (const auto& entry : std::filesystem::directory_iterator(IA_SOURCE_DIR "/tests/fixtures/tokenizers")) {
    if (!entry.is_directory()) continue;
    ++tokenizers;
    const auto report = run_tokenizer_cases(entry.path());
    ASSERT_TRUE(report) << entry.path() << ": " << report.error().message;
    EXPECT_GT(report->cases, 0u) << entry.path();
    EXPECT_EQ(report->failed, 0u) << entry.path() << ": " << report->first_difference;
  }
  EXPECT_GE(tokenizers, 13u);
}

TEST(TokenizerCases, MissingFolderIsAnError) {
  const auto report = run_tokenizer_cases(IA_SOURCE_DIR "/tests/fixtures/tokenizers/none");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace ipfs_accelerate::golden
