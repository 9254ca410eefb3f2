// kill -9 at random points during add: afterwards every leaf that is visible verifies, and adding again completes.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "content/unixfs.h"
#include "store/store.h"
#include "store/test_folder.h"

namespace ipfs_accelerate::store {
namespace {

// Every block that the store says it has must verify.
void expect_sound(const fs::path& root, const std::vector<Cid>& all, std::size_t& visible) {
  auto store = Store::open(root);
  ASSERT_TRUE(store) << store.error().message;
  visible = 0;
  for (const Cid& cid : all) {
    if (!(*store)->has_block(cid)) continue;
    ++visible;
    const auto block = (*store)->get_block(cid);
    ASSERT_TRUE(block) << block.error().message;
  }
  for (const Pin& pin : *(*store)->pins()) EXPECT_TRUE(*(*store)->is_complete(pin.cid.text()));
  EXPECT_TRUE(fs::is_empty(root / "tmp"));
}

// Adds in a child process, which is killed after `delay` (or ends before). True when it was killed.
bool add_and_kill(const fs::path& root, const fs::path& source, std::chrono::microseconds delay) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Store::open(root);
    const bool added = store && (*store)->add(source);
    ::_exit(added ? 0 : 1);
  }
  std::this_thread::sleep_for(delay);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

TEST(Crash, KilledWhileAdding) {
  TestFolder folder;
  const fs::path source = folder.path / "source";
  for (int i = 0; i < 6; ++i) {
    write_random(source / std::format("big{}", i), (3u << 20) + 1000 * i, 100 + i);
    for (int k = 0; k < 20; ++k) write_random(source / std::format("d{}/small{}", i, k), 20'000 + k, 1000 + 20 * i + k);
  }
  std::vector<Cid> all;
  Cid root;
  std::chrono::microseconds whole{};
  {
    const auto start = std::chrono::steady_clock::now();
    auto store = *Store::open(folder.path / "whole");
    root = store->add(source)->root;
    whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    std::vector<Cid> open{root};
    while (!open.empty()) {
      all.push_back(open.back());
      open.pop_back();
      if (all.back().codec != content::Codec::kDagPb) continue;
      const auto block = store->get_block(all.back());
      for (auto& link : content::decode_dag_pb(block->bytes())->links) open.push_back(std::move(link.cid));
    }
  }
  std::mt19937 random(7);
  int killed = 0, partial = 0;
  for (int round = 0; round < 25; ++round) {
    const fs::path target = folder.path / "store";
    if (round % 3 == 0) fs::remove_all(target);  // otherwise go on with what the last crash left
    const auto most = static_cast<unsigned>(whole.count()) * 5 / 4;
    killed += add_and_kill(target, source, std::chrono::microseconds(random() % most));
    std::size_t visible = 0;
    expect_sound(target, all, visible);
    if (HasFatalFailure()) return;
    partial += visible > 0 && visible < all.size();
  }
  EXPECT_GT(killed, 5);
  EXPECT_GT(partial, 0);
  auto store = *Store::open(folder.path / "store");
  EXPECT_EQ(store->add(source)->root, root);
  EXPECT_TRUE(*store->is_complete(root.text()));
  EXPECT_TRUE(store->verify(root.text())->damage.empty());
}

TEST(Crash, TornPackTailIsCutOff) {
  TestFolder folder;
  write_text(folder.path / "a", "first");
  write_text(folder.path / "b", "second");
  const fs::path pack = folder.path / "store/pack/0.blocks", index = folder.path / "store/pack/0.index";
  Cid first, second;
  std::uintmax_t after_first = 0;
  {
    auto store = *Store::open(folder.path / "store");
    first = store->add(folder.path / "a")->root;
    after_first = fs::file_size(pack);
    second = store->add(folder.path / "b")->root;
  }
  const auto full = fs::file_size(pack);
  for (auto size = after_first; size <= full; ++size) {  // as if the machine stopped at each byte
    TestFolder copy;
    fs::copy(folder.path / "store", copy.path / "store", fs::copy_options::recursive);
    fs::resize_file(copy.path / "store/pack/0.blocks", size);
    fs::resize_file(copy.path / "store/pack/0.index", fs::file_size(index) / 2 + size % 88);
    auto store = *Store::open(copy.path / "store");
    EXPECT_TRUE(store->get_block(first));
    EXPECT_EQ(store->has_block(second), size == full);
    EXPECT_TRUE(store->add(folder.path / "b"));
    EXPECT_TRUE(store->get_block(second));
  }
}

}  // namespace
}  // namespace ipfs_accelerate::store
