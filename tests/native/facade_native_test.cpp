// Calls of the public interface that are cancelled from outside: they end, say so, and lose nothing that was verified.
#include <gtest/gtest.h>

#include <fstream>

#include "ipfs_accelerate/ipfs_accelerate.h"
#include "native/test_server.h"
#include "store/store.h"
#include "store/test_folder.h"

namespace ipfs_accelerate {
namespace {

using native::http_reply;
using native::Sent;
using native::TestServer;
using store::Store;

constexpr std::uint64_t kMiB = 1u << 20;
constexpr int kLeaves = 12;

struct Cancelled : testing::Test {
  store::TestFolder folder;
  std::filesystem::path source = folder.path / "source";
  std::shared_ptr<Store> origin = *Store::open(folder.path / "origin");
  std::string cid;

  void SetUp() override {
    store::write_random(source / "large.bin", kLeaves * kMiB, 1);
    store::write_text(source / "small.txt", "small");
    cid = origin->add(source)->root.text();
  }
  Engine open() { return *Engine::open(folder.path / "home"); }
  /// A gateway that answers this many requests and then stalls, after calling `then`.
  TestServer::Handler gateway(int answers, std::function<void()> then) {
    return [this, answers, then, asked = std::make_shared<std::atomic<int>>(0)](const std::string& target) {
      if (++*asked > answers) {
        then();
        return Sent{"", true};
      }
      const auto block =
          origin->get_block(*content::Cid::parse(std::string_view(target).substr(6, target.size() - 17)));
      return Sent{http_reply(200, as_text(block->bytes()))};
    };
  }
  static FetchConfig from(const TestServer& server, const Cancel& cancel) {
    FetchConfig fetch;
    fetch.gateways = {server.url()};
    fetch.allow_local_gateways = true;
    fetch.cancel = cancel;
    return fetch;
  }
};

TEST_F(Cancelled, EveryCallThatFetchesKeepsWhatCame) {
  struct Call {
    int pieces;  ///< that progress tells of until the gateway stalls: what was here, and three from there
    std::function<Result<>(Engine&, const FetchConfig&)> run;
  };
  const auto error_of = [](const auto& result) { return result ? Result<>{} : std::unexpected(result.error()); };
  const Call calls[] = {
      {3, [&](Engine& engine, const FetchConfig& fetch) { return engine.get(cid, folder.path / "target", fetch); }},
      {4,
       [&](Engine& engine, const FetchConfig& fetch) {
         return engine.cat(cid + "/large.bin", [](const void*, std::size_t) { return true; }, fetch);
       }},
      {9, [&](Engine& engine, const FetchConfig& fetch) { return error_of(engine.ls(cid, fetch)); }},
      {12, [&](Engine& engine, const FetchConfig& fetch) { return error_of(engine.pin(cid, fetch)); }}};
  std::uint64_t kept = 0;
  for (const Call& call : calls) {
    Engine engine = open();
    const Cancel cancel;
    std::atomic<int> pieces = 0;
    TestServer server(gateway(3, [&] {  // on a thread of the server
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (pieces < call.pieces && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      cancel.request();
    }));
    FetchConfig fetch = from(server, cancel);
    fetch.progress = [&](std::string_view, std::uint64_t, std::uint64_t) { ++pieces; };
    const auto done = call.run(engine, fetch);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kCancelled) << done.error().message;
    EXPECT_FALSE(std::filesystem::exists(folder.path / "target"));
    const auto now = engine.stat();
    EXPECT_GT(now->blocks + now->file_bytes, kept) << "each call brought blocks, and they stay";
    kept = now->blocks + now->file_bytes;
  }
  // Nothing comes twice.
  Engine engine = open();
  TestServer server(gateway(100, [] {}));
  ASSERT_TRUE(engine.pin(cid, from(server, {})));
  EXPECT_EQ(server.requests(), kLeaves + 3 - 4 * 3);
  EXPECT_TRUE(engine.verify(cid)->damage.empty());
}

TEST_F(Cancelled, AddingAndWritingLeaveNothingHalfDone) {
  Engine engine = open();
  AddOptions add;
  add.progress = [cancel = add.cancel](std::string_view, std::uint64_t, std::uint64_t) { cancel.request(); };
  EXPECT_EQ(engine.add(source, add).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(engine.stat()->files, 0u);
  EXPECT_TRUE(engine.pins()->empty());
  ASSERT_TRUE(engine.add(source));
  FetchConfig fetch;
  fetch.progress = add.progress;
  fetch.cancel = add.cancel;
  EXPECT_EQ(engine.get(cid, folder.path / "target", fetch).error().code, ErrorCode::kCancelled) << "once, always";
  fetch.cancel = {};
  fetch.progress = [cancel = fetch.cancel](std::string_view, std::uint64_t, std::uint64_t) { cancel.request(); };
  EXPECT_EQ(engine.get(cid, folder.path / "target", fetch).error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(folder.path / "target"));
  EXPECT_EQ(engine.verify({}, fetch.cancel).error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(engine.get(cid, folder.path / "target"));
}

TEST_F(Cancelled, ARunThatWaitsForASource) {
  Engine engine = open();
  const Cancel cancel;
  TestServer server(gateway(0, [cancel] { cancel.request(); }));
  Config config;
  config.gateways = {server.url()};
  config.allow_local_gateways = true;
  EXPECT_EQ(engine.accelerate(cid, {Text{"text"}}, config, cancel).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(engine.explain(cid, {}, config, cancel).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(engine.devices(cancel).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(engine.accelerate(cid, {Text{"text"}}, {}, Cancel()).error().code, ErrorCode::kNoSource)
      << "the next works";
}

// A block that a run and a call of the store want at the same moment is asked for once.
TEST_F(Cancelled, ARunAndAStoreCallShareWhatIsUnderWay) {
  Engine engine = open();
  std::atomic<int> asked = 0;
  TestServer server([&](const std::string& target) {
    if (!target.contains(cid)) return Sent{http_reply(404, "")};
    ++asked;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    while (asked < 2 && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Sent{http_reply(200, as_text(origin->get_block(*content::Cid::parse(cid))->bytes()))};
  });
  Config config;
  config.platform = "cpu";
  config.gateways = {server.url()};
  config.allow_local_gateways = true;
  auto run = engine.start(cid, {Text{"text"}}, config);
  while (asked == 0) std::this_thread::yield();
  EXPECT_EQ(engine.ls(cid, from(server, {})).error().code, ErrorCode::kNoSource);
  EXPECT_EQ(run.wait().error().code, ErrorCode::kNotFound) << "it is no model";
  EXPECT_EQ(asked, 1);
}

TEST_F(Cancelled, OneCancelForTwoEngines) {
  Engine one = open(), two = *Engine::open(folder.path / "other");
  const Cancel cancel;
  std::atomic<int> stalled = 0;
  TestServer server(gateway(0, [&, cancel] {
    if (++stalled == 2) cancel.request();
  }));
  std::jthread other([&] { EXPECT_EQ(two.ls(cid, from(server, cancel)).error().code, ErrorCode::kCancelled); });
  EXPECT_EQ(one.ls(cid, from(server, cancel)).error().code, ErrorCode::kCancelled);
}

TEST_F(Cancelled, AFolderThatIsHashedForARun) {
  store::write_text(source / "config.json", "{}");  // else it is no model, and not hashed
  // Another writer holds the store; the run waits for it until it is cancelled.
  store::write_text(source / "config.json", "{}");
  Engine engine = open();
  const auto writer = *Store::open(folder.path / "home/store");
  const Cancel cancel;
  std::jthread later([cancel] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel.request();
  });
  EXPECT_EQ(engine.accelerate(source.string(), {Text{"text"}}, {}, cancel).error().code, ErrorCode::kCancelled);
}

TEST(Progress, OfAddMayReadButNotWaitForAdd) {
  const store::TestFolder folder;
  const std::string small = [&] {
    store::write_text(folder.path / "small.txt", "small");
    return Engine::open(folder.path / "home")->add(folder.path / "small.txt")->cid;
  }();
  store::write_random(folder.path / "large.bin", 4 * kMiB, 1);
  Engine engine = *Engine::open(folder.path / "home");
  Engine other = *Engine::open(folder.path / "elsewhere");
  const std::string model = IA_SOURCE_DIR "/zoo/numbers-bert-classifier";
  std::atomic<int> told = 0;
  AddOptions add;
  add.name = "large";
  add.progress = [&](std::string_view, std::uint64_t, std::uint64_t) {
    if (told++ > 0) return;
    EXPECT_TRUE(engine.has(small).value());
    EXPECT_TRUE(engine.cat(small, [](const void*, std::size_t) { return true; }));
    EXPECT_EQ(engine.add(folder.path / "small.txt").error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(engine.gc().error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(engine.accelerate(model, {Text{"7"}}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(engine.start(model, {Text{"7"}}).wait().error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(other.add(folder.path / "small.txt")) << "another engine is free";
  };
  EXPECT_TRUE(engine.add(folder.path / "large.bin", add));
  EXPECT_GT(told, 0);
  EXPECT_TRUE(engine.add(folder.path / "small.txt"));
}

const std::string kWriter = IA_SOURCE_DIR "/zoo/numbers-gpt2";
constexpr std::size_t kManyPrompts = 3000;  // seconds of work, one after the other

Config one_at_a_time() {
  Config config;
  config.platform = "cpu";
  config.batch_size = 1;
  return config;
}

TEST(Texts, ComeAsEventsThatAreTheAnswer) {
  const store::TestFolder folder;
  Engine engine = *Engine::open(folder.path / "home");
  std::vector<std::string> told(2);
  std::vector<int> ends(2);
  auto run = engine.start(kWriter, {Text{"42 ="}, Text{"7352 ="}}, one_at_a_time(), [&](const Event& event) {
    const auto* const piece = std::get_if<TextEvent>(&event);
    if (!piece) return;
    told.at(piece->item) += piece->text;
    ends.at(piece->item) += piece->end;
  });
  const auto result = run.wait();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(told[0], " forty two");
  EXPECT_EQ(told[1], " seven thousand three hundred fifty two");
  for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(std::get<GeneratedText>(result->answers[i]).text, told[i]);
  EXPECT_EQ(ends, std::vector(2, 1));
}

TEST(Texts, EndWhenTheirListenerSaysSo) {
  const store::TestFolder folder;
  Engine engine = *Engine::open(folder.path / "home");
  const std::vector<Content> prompts(kManyPrompts, Text{"7352 ="});
  const Cancel cancel;
  std::optional<ipfs_accelerate::Run> run;
  const std::function<void()> ways[] = {[&] { run->cancel(); }, [&] { cancel.request(); }};
  for (const auto& stop : ways) {
    std::size_t ended = 0;
    const Listener listener = [&](const Event& event) {
      const auto* const piece = std::get_if<TextEvent>(&event);
      if (!piece) return;
      stop();
      ended += piece->end;
    };
    run = engine.start(kWriter, prompts, one_at_a_time(), listener, cancel);
    const auto result = run->wait();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled) << result.error().message;
    EXPECT_LT(ended, kManyPrompts) << "they were written to the end";
  }
  run = engine.start(kWriter, {Text{"42 ="}}, one_at_a_time(), {}, cancel);
  EXPECT_EQ(run->wait().error().code, ErrorCode::kCancelled) << "once requested, always requested";
  run = engine.start(kWriter, {Text{"42 ="}}, one_at_a_time());
  const auto result = run->wait();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(std::get<GeneratedText>(result->answers[0]).text, " forty two");
}

TEST(Texts, ErrorsNameTheInputByItsPlaceInTheCall) {
  const store::TestFolder folder;
  Engine engine = *Engine::open(folder.path / "home");
  Config config = one_at_a_time();
  config.batch_size = 2;
  std::vector<Content> prompts(5, Text{"42 ="});
  prompts[3] = Text{std::string(400, '7')};  // sorted by length, it is the first of the first batch
  const auto result = engine.start(kWriter, prompts, config).wait();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInputTooLong);
  EXPECT_NE(result.error().message.find("input 3"), std::string::npos) << result.error().message;
}

TEST(Texts, HaveTheRoomThatTheyHaveAlone) {
  const store::TestFolder folder;
  Engine engine = *Engine::open(folder.path / "home");
  Config config = one_at_a_time();
  config.batch_size = 2;
  config.max_new_tokens = 1000;  // more than the context of 32
  config.stop_token_ids = {5};   // none that the model makes
  const std::vector<Content> prompts{Text{"1 = one, 2 = two, 3 = three, 4 ="}, Text{"7352 ="}};
  const auto together = engine.start(kWriter, prompts, config).wait();
  ASSERT_TRUE(together) << together.error().message;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto alone = engine.start(kWriter, {prompts[i]}, config).wait();
    ASSERT_TRUE(alone) << alone.error().message;
    const auto& text = std::get<GeneratedText>(alone->answers[0]);
    EXPECT_EQ(std::get<GeneratedText>(together->answers[i]).tokens, text.tokens);
    EXPECT_EQ(text.finish_reason, "length");
  }
}

TEST(Texts, ACancelOutlivesItsRunAndTheEngine) {
  const Cancel cancel;
  {
    const store::TestFolder folder;
    Engine engine = *Engine::open(folder.path / "home");
    ASSERT_TRUE(engine.start(kWriter, {Text{"42 ="}}, one_at_a_time(), {}, cancel).wait());
  }
  cancel.request();
  EXPECT_TRUE(cancel.requested());
}

TEST(Gateways, AreCheckedAlsoWhereEverythingIsHere) {
  const store::TestFolder folder;
  store::write_text(folder.path / "source/a.txt", "a");
  Engine engine = *Engine::open(folder.path / "home");
  const std::string cid = engine.add(folder.path / "source")->cid;
  FetchConfig fetch;
  fetch.gateways = {"ftp://wrong"};
  EXPECT_EQ(engine.ls(cid, fetch).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine.pin(cid, fetch).error().code, ErrorCode::kInvalidArgument);
  Config config;
  config.gateways = fetch.gateways;
  const auto run = engine.accelerate(IA_SOURCE_DIR "/zoo/numbers-bert-classifier", {Text{"7"}}, config);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, ErrorCode::kInvalidArgument);
}

TEST(Threads, EndWithTheModelsThatComputeOnThem) {
  const store::TestFolder folder;
  Engine engine = *Engine::open(folder.path / "home");
  const auto run = [&](int threads) -> Result<> {
    Config config;
    config.platform = "cpu";
    config.threads = threads;
    const auto result = engine.accelerate(IA_SOURCE_DIR "/zoo/numbers-bert-classifier", {Text{"7"}}, config);
    if (!result) return std::unexpected(result.error());
    return {};
  };
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
  };
  EXPECT_EQ(run(1'000'000).error().code, ErrorCode::kInvalidArgument);
  for (int i = 1; i <= 4; ++i) ASSERT_TRUE(run(i)) << run(i).error().message;
  const auto before = threads();
  ASSERT_TRUE(run(50));
  EXPECT_GT(threads(), before + 40);
  for (int i = 1; i <= 4; ++i) ASSERT_TRUE(run(i));  // as many models as stay loaded
  EXPECT_LT(threads(), before + 40) << "one that has just ended may still be listed";
}

TEST(FacadePictures, AreBytesOrPixels) {
  const store::TestFolder folder;
  Engine engine = *Engine::open(folder.path / "home");
  Config config;
  config.platform = "cpu";
  const std::string model = IA_SOURCE_DIR "/zoo/digits-vit";
  std::ifstream in(model + "/eval/001.png", std::ios::binary);
  const Picture picture{{std::istreambuf_iterator<char>(in), {}}};
  const auto result = engine.accelerate(model, {picture, Pixels{2, 2, std::vector<std::uint8_t>(12)}, picture}, config);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->answers.size(), 3u);
  EXPECT_EQ(std::get<Labels>(result->answers[0]).labels.at(0).label, "zero");
  EXPECT_EQ(result->answers[0], result->answers[2]);
  EXPECT_NE(result->answers[0], result->answers[1]);
  EXPECT_EQ(engine.accelerate(model, {Picture{{1, 2, 3}}}, config).error().code, ErrorCode::kUnsupportedMedia);
  EXPECT_EQ(engine.accelerate(model, {Pixels{2, 2, {1}}}, config).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace ipfs_accelerate
