// A run that is cancelled on one thread while it ends on another.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "ipfs_accelerate/ipfs_accelerate.h"
#include "native/test_server.h"
#include "store/test_folder.h"

static thread_local bool allocates_slowly = false;
static std::atomic<bool> allocating = false;

// Makes the moment before a post, which allocates, long enough to get in between.
void* operator new(std::size_t size) {
  if (std::exchange(allocates_slowly, false)) {
    allocating = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    allocating = false;
  }
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace ipfs_accelerate {
namespace {

// Whoever has the result may close the engine: by then a cancel on another thread must be done with its loop.
TEST(Run, NobodyHasTheResultWhileACancelIsAtTheLoop) {
  const store::TestFolder folder;
  std::atomic<bool> asked = false;
  native::TestServer server([&](const std::string&) {
    asked = true;
    while (!allocating) std::this_thread::yield();  // the run ends in the middle of the cancel
    return native::Sent{native::http_reply(404, "")};
  });
  Engine engine = *Engine::open(folder.path / "home");
  Config config;
  config.platform = "cpu";
  config.gateways = {server.url()};
  config.allow_local_gateways = true;
  auto run = engine.start("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", {Text{"text"}}, config);
  while (!asked) std::this_thread::yield();
  std::jthread canceller([&] {
    allocates_slowly = true;
    run.cancel();
  });
  EXPECT_FALSE(run.wait());
  EXPECT_FALSE(allocating);
}

}  // namespace
}  // namespace ipfs_accelerate
