// Tests of the template expander.
#include "backend/webgpu/shader_template.h"

#include <gtest/gtest.h>

namespace ipfs_accelerate::webgpu {
namespace {

std::string expanded(std::string_view text, const Flags& flags = {}) {
  const auto result = expand_text(text, flags);
  return result ? *result : "error: " + result.error().message;
}

TEST(ShaderTemplate, ConditionsFollowFlags) {
  const std::string text = "a\n//#if X\nb\n//#else\nc\n//#end\nd\n";
  EXPECT_EQ(expanded(text, {{"X", 1}}), "a\nb\nd\n");
  EXPECT_EQ(expanded(text, {{"X", 0}}), "a\nc\nd\n");
  EXPECT_EQ(expanded(text), "a\nc\nd\n");
  EXPECT_EQ(expanded("//#if !X\na\n//#end\n"), "a\n");
}

TEST(ShaderTemplate, ConditionsNest) {
  const std::string text = "//#if X\n//#if Y\na\n//#else\nb\n//#end\n//#else\nc\n//#end\n";
  EXPECT_EQ(expanded(text, {{"X", 1}, {"Y", 1}}), "a\n");
  EXPECT_EQ(expanded(text, {{"X", 1}}), "b\n");
  EXPECT_EQ(expanded(text, {{"Y", 1}}), "c\n");
}

TEST(ShaderTemplate, RepetitionsReplaceTheirVariable) {
  EXPECT_EQ(expanded("//#for i N\n//#for j 2\nx_$i_$j = $iu;\n//#end\n//#end\n", {{"N", 2}}),
            "x_0_0 = 0u;\nx_0_1 = 0u;\nx_1_0 = 1u;\nx_1_1 = 1u;\n");
  EXPECT_EQ(expanded("//#for i 2\n$(2i) $(2i+1)\n//#end\n"), "0 1\n2 3\n");
  EXPECT_EQ(expanded("//#for i NONE\na\n//#end\n"), "");
}

TEST(ShaderTemplate, MistakesAreNamed) {
  for (const char* text :
       {"//#if X\na\n", "//#end\n", "//#nothing\n", "//#for i\n", "//#include no_such_kernel\n", "//#\n"}) {
    EXPECT_FALSE(expand_text(text, {})) << text;
  }
  const auto missing = expand_kernel("no_such_kernel", {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("no_such_kernel"), std::string::npos);
}

}  // namespace
}  // namespace ipfs_accelerate::webgpu
