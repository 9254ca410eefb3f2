// Finding models by folder.
#include "host/native/catalog.h"

#include <gtest/gtest.h>

#include "host/native/native_host.h"
#include "store/test_folder.h"

namespace ipfs_accelerate::host {
namespace {

// A wrong folder may be somebody's whole disk.
TEST(Catalog, AFolderThatIsNoModelIsNotRead) {
  const store::TestFolder folder;
  store::write_random(folder.path / "photos/1.jpg", 1u << 20, 1);
  const auto native = *NativeHost::open(folder.path / "home");
  const auto locate = [&](const std::filesystem::path& model) {
    return native->loop().block_on(native->host().catalog.locate(model.string(), Stop()));
  };
  const auto found = locate(folder.path / "photos");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(found.error().message.contains("config.json")) << found.error().message;
  EXPECT_EQ((*native->library().reader())->stat()->blocks, 0u);
  EXPECT_EQ((*native->library().reader())->stat()->files, 0u);

  store::write_text(folder.path / "photos/config.json", "{}");
  EXPECT_TRUE(locate(folder.path / "photos"));
  EXPECT_EQ((*native->library().reader())->stat()->files, 1u);
}

}  // namespace
}  // namespace ipfs_accelerate::host
