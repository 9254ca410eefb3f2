// Fetching over loopback with the native ports, from servers that behave, lie, stall, cut short, redirect or never end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/resource.h>

#include <fstream>

#include "fetch/fetch.h"
#include "fetch/import.h"
#include "host/native/address.h"
#include "host/native/clock.h"
#include "host/native/native_host.h"
#include "native/test_server.h"
#include "store/test_folder.h"
#include "weights/weights.h"

namespace ipfs_accelerate::fetch {
namespace {

using native::http_reply;
using native::Sent;
using native::TestServer;
using store::Store;
using store::TestFolder;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1u << 20;

struct NativeFetch : testing::Test {
  TestFolder folder;
  std::shared_ptr<Store> origin = *Store::open(folder.path / "origin");
  std::unique_ptr<host::NativeHost> native = *host::NativeHost::open(folder.path / "home");
  std::filesystem::path source = folder.path / "source";

  void SetUp() override {
    store::write_random(source / "weights.bin", 5 * kMiB + 123, 1);
    store::write_random(source / "sub/other.bin", 2 * kMiB, 2);
    store::write_text(source / "sub/config.json", "{\"a\": 1}");
  }

  // The honest gateway: /ipfs/CID?format=raw
  Sent serve(const std::string& target) {
    if (!target.ends_with("?format=raw") || !target.starts_with("/ipfs/")) return {http_reply(400, "")};
    const auto cid = Cid::parse(std::string_view(target).substr(6, target.size() - 6 - 11));
    const auto block = cid ? origin->get_block(*cid) : Result<content::Block>(std::unexpected(cid.error()));
    return {block ? http_reply(200, as_text(block->bytes())) : http_reply(404, "")};
  }
  TestServer::Handler honest() {
    return [this](const std::string& target) { return serve(target); };
  }
  template <class T>
  Result<T> run(Async<T> work) {
    return native->loop().block_on(std::move(work));
  }
  Fetcher fetcher(std::vector<std::string> gateways, bool allow_local = true) {
    return Fetcher(native->host(), {.gateways = std::move(gateways), .allow_local = allow_local, .stall_seconds = 1});
  }
  static WantedFiles wanted_files(std::vector<std::string> small) {
    return {std::move(small), "model.safetensors", "model.safetensors.index.json", sharded_file_names};
  }
  Cid small() { return origin->add(source / "sub/config.json")->root; }
  ErrorCode code_from(TestServer::Handler handler, std::string* message = nullptr) {
    TestServer server(std::move(handler));
    Fetcher fetch = fetcher({server.url()});
    const auto block = run(fetch.get(small(), Stop()));
    EXPECT_FALSE(block);
    if (message && !block) *message = block.error().message;
    return block ? ErrorCode::kInternal : block.error().code;
  }
  std::shared_ptr<Store> reader() { return *native->library().reader(); }
};

class Profiles : public NativeFetch, public testing::WithParamInterface<content::ProfileName> {};

TEST_P(Profiles, Dag) {
  const auto added = origin->add(source, {.profile = GetParam()});
  TestServer server(honest());
  Fetcher fetch = fetcher({server.url()});
  const auto fetched = run(fetch.fetch_dag(added->root, {}, Stop()));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_TRUE(*reader()->is_complete(added->root.text()));
  EXPECT_TRUE(reader()->verify(added->root.text())->damage.empty());
  EXPECT_EQ(reader()->stat()->files, 2u);
  EXPECT_EQ(reader()->stat()->file_bytes, 7 * kMiB + 123);
  EXPECT_LT(reader()->stat()->block_bytes, 1'200'000u);  // at most two probed leaves of each file lie twice
  const int requests = server.requests();
  EXPECT_TRUE(run(fetch.fetch_dag(added->root, {}, Stop())));
  EXPECT_EQ(server.requests(), requests);

  // Neighbouring leaves are neighbours in memory.
  Fetcher alone = fetcher({});
  const Bytes weights = store::read_bytes(source / "weights.bin");
  const auto read = [&]() -> Async<> {
    const auto file = co_await alone.open(added->root, "weights.bin", Stop());
    const BytesView all = co_await file->read({0, file->size()}, Stop());
    EXPECT_TRUE(std::ranges::equal(all.view(), weights));
    const BytesView part = co_await file->read({kMiB, 2 * kMiB}, Stop());
    if (GetParam() != content::ProfileName::kUnixFsV0_2015) EXPECT_EQ(part.view().data(), all.view().data() + kMiB);
  };
  EXPECT_TRUE(run(read()));
}

INSTANTIATE_TEST_SUITE_P(All, Profiles,
                         testing::Values(content::ProfileName::kUnixFsV1_2025, content::ProfileName::kUnixFsV0_2015,
                                         content::ProfileName::kKuboCidV1));

TEST_F(NativeFetch, ResumesWhereItStopped) {
  const auto added = origin->add(source / "weights.bin");
  {
    TestServer server([this, count = std::make_shared<std::atomic<int>>(0)](const std::string& target) {
      return ++*count > 4 ? Sent{http_reply(500, "")} : serve(target);
    });
    Fetcher fetch = fetcher({server.url()});
    EXPECT_EQ(run(fetch.fetch_dag(added->root, {}, Stop())).error().code, ErrorCode::kSourceError);
  }
  native.reset();
  native = *host::NativeHost::open(folder.path / "home");
  TestServer server(honest());
  Fetcher fetch = fetcher({server.url()});
  const auto fetched = run(fetch.fetch_dag(added->root, {}, Stop()));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(server.requests(), 3);  // root and three leaves came before
  EXPECT_TRUE(reader()->verify(added->root.text())->damage.empty());
}

TEST_F(NativeFetch, Lies) {
  std::string message;
  EXPECT_EQ(code_from([](const std::string&) { return Sent{http_reply(200, "something else")}; }, &message),
            ErrorCode::kSourceLied);
  EXPECT_THAT(message, HasSubstr("127.0.0.1"));
  EXPECT_THAT(message, HasSubstr("bafkrei"));
  EXPECT_FALSE(reader()->has_block(small()));
}

TEST_F(NativeFetch, ALiarIsNotAskedAgainAndAnotherSourceHelps) {
  const auto added = origin->add(source);
  TestServer liar([](const std::string&) { return Sent{http_reply(200, "something else")}; });
  TestServer server(honest());
  Fetcher fetch = fetcher({liar.url(), server.url()});
  ASSERT_TRUE(run(fetch.fetch_dag(added->root, {}, Stop())));
  EXPECT_TRUE(reader()->verify(added->root.text())->damage.empty());
  EXPECT_EQ(liar.requests(), 1);
}

TEST_F(NativeFetch, StallsAndCuts) {
  const std::string half = "HTTP/1.1 200 x\r\nContent-Length: 8\r\n\r\n{\"a";
  EXPECT_EQ(code_from([&](const std::string&) { return Sent{half, true}; }), ErrorCode::kTimeout);
  EXPECT_EQ(code_from([&](const std::string&) { return Sent{"", true}; }), ErrorCode::kTimeout);
  const std::string cut = "HTTP/1.1 200 x\r\nContent-Length: 8\r\nConnection: close\r\n\r\n{\"a";
  EXPECT_EQ(code_from([&](const std::string&) { return Sent{cut}; }), ErrorCode::kSourceError);
  EXPECT_EQ(code_from([&](const std::string&) { return Sent{"not http at all\r\n\r\n"}; }), ErrorCode::kSourceError);
  const std::string start = "HTTP/1.1 200 x\r\nContent-Length: 8000000000\r\n\r\n";
  EXPECT_EQ(code_from([&](const std::string&) { return Sent{start, false, true}; }), ErrorCode::kSourceLied);
}

TEST_F(NativeFetch, StatusCodes) {
  EXPECT_EQ(code_from([](const std::string&) { return Sent{http_reply(404, "")}; }), ErrorCode::kNoSource);
  EXPECT_EQ(code_from([](const std::string&) { return Sent{http_reply(429, "")}; }), ErrorCode::kTooManyRequests);
  EXPECT_EQ(code_from([](const std::string&) { return Sent{http_reply(500, "")}; }), ErrorCode::kSourceError);
  TestServer other(honest());
  const std::string redirect = "HTTP/1.1 302 x\r\nLocation: " + other.url() + "/\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(code_from([&](const std::string&) { return Sent{redirect}; }), ErrorCode::kNoSource);
  EXPECT_EQ(other.requests(), 0);
}

TEST_F(NativeFetch, NobodyThere) {
  std::string url;
  {
    TestServer gone(honest());
    url = gone.url();
  }
  Fetcher fetch = fetcher({url});
  EXPECT_EQ(run(fetch.get(small(), Stop())).error().code, ErrorCode::kUnreachable);
}

TEST_F(NativeFetch, LocalAddressesOnlyWhenAllowed) {
  TestServer server(honest());
  Fetcher fetch = fetcher({server.url()}, false);
  EXPECT_EQ(run(fetch.get(small(), Stop())).error().code, ErrorCode::kForbiddenAddress);
  EXPECT_EQ(
      run(import_url_folder(native->host(), fetch, server.url(), wanted_files({"config.json"}), Stop())).error().code,
      ErrorCode::kForbiddenAddress);
  EXPECT_EQ(server.requests(), 0);
}

TEST_F(NativeFetch, Cancelled) {
  TestServer server([](const std::string&) { return Sent{"", true}; });
  Fetcher fetch(native->host(), {.gateways = {server.url()}, .allow_local = true});
  const Stop stop;
  const std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    native->loop().post([stop] { stop.request(); });
  });
  EXPECT_EQ(run(fetch.get(small(), stop)).error().code, ErrorCode::kCancelled);
}

TEST_F(NativeFetch, DamagedBlocksAreFetchedAgain) {
  const Cid cid = small();
  {
    const auto store = *Store::open(folder.path / "home/store");
    ASSERT_EQ(store->add(source / "sub/config.json")->root, cid);
  }
  native.reset();
  store::flip_byte(folder.path / "home/store/pack/0.blocks", 80 + 3);
  native = *host::NativeHost::open(folder.path / "home");
  Fetcher alone = fetcher({});
  EXPECT_EQ(run(alone.get(cid, Stop())).error().code, ErrorCode::kIntegrity);
  TestServer server(honest());
  Fetcher fetch = fetcher({server.url()});
  EXPECT_TRUE(run(fetch.get(cid, Stop())));
  EXPECT_TRUE(run(fetch.flush()));
  EXPECT_EQ(fetch.figures().blocks_fetched, 1u);
  native.reset();
  native = *host::NativeHost::open(folder.path / "home");
  EXPECT_TRUE(reader()->get_block(cid));
}

TEST_F(NativeFetch, OthersReadAndWriteMeanwhile) {
  const auto added = origin->add(source / "weights.bin");
  TestServer server([this](const std::string& target) {  // while somebody waits for a source, the store is free
    EXPECT_TRUE(Store::open(folder.path / "home/store"));
    return serve(target);
  });
  Fetcher fetch = fetcher({server.url()});
  EXPECT_TRUE(run(fetch.get(added->root, Stop())));
}

TEST_F(NativeFetch, Blake3) {
  const std::string text = "blake3";
  const auto hash = content::hash(content::HashFunction::kBlake3, as_bytes(text));
  const Cid cid{1, content::Codec::kRaw, *hash};
  TestServer server([&](const std::string&) { return Sent{http_reply(200, text)}; });
  Fetcher fetch = fetcher({server.url()});
  EXPECT_TRUE(run(fetch.get(cid, Stop())));
}

TEST_F(NativeFetch, AFolderByItsAddress) {
  TestServer server([&](const std::string& target) {
    const Bytes bytes = store::read_bytes(source / target.substr(1));
    return Sent{bytes.empty() ? http_reply(404, "") : http_reply(200, as_text(bytes))};
  });
  Fetcher fetch = fetcher({server.url()});
  const WantedFiles wanted = wanted_files({"sub/config.json", "sub/other.bin", "weights.bin", "none"});
  const auto root = run(import_url_folder(native->host(), fetch, server.url(), wanted, Stop()));
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_TRUE(run(fetch.flush()));
  EXPECT_EQ(*root, Store::only_hash(source)->root);
  EXPECT_TRUE(*reader()->is_complete(root->text()));
}

// Requests by hand, above what one load asks for at once.
struct NativeNetTest : NativeFetch {
  host::NetRequest ask(const TestServer& server, std::string path = "/x") {
    return {.url = server.url() + path, .accept = {}, .max_bytes = kMiB, .stall_seconds = 60, .allow_local = true};
  }
  host::Net& net() { return native->host().net; }
};

TEST_F(NativeNetTest, AStalledHostKeepsNobodyElseWaiting) {
  TestServer stuck([](const std::string&) { return Sent{"", true}; });
  TestServer quick([](const std::string&) { return Sent{http_reply(200, "here")}; });
  const Stop stop;
  std::vector<std::string> told;
  const auto work = [&](std::size_t i) -> Async<> {
    const bool last = i == 40;
    const auto answer = co_await as_result(net().get(ask(last ? quick : stuck), last ? Stop() : stop));
    told.emplace_back(answer ? "answered" : error_name(answer.error().code));
    if (last) stop.request();
  };
  ASSERT_TRUE(run(for_each_limited(41, 41, work)));
  ASSERT_EQ(told.size(), 41u);
  EXPECT_EQ(told[0], "answered") << "before any of those that stall";
  EXPECT_EQ(std::ranges::count(told, "cancelled"), 40);
  EXPECT_LE(stuck.requests(), 16);
}

TEST_F(NativeNetTest, AQueuedRequestIsCancelledAtOnce) {
  TestServer stuck([](const std::string&) { return Sent{"", true}; });
  const Stop others, mine;
  std::vector<std::size_t> ended;
  const auto work = [&](std::size_t i) -> Async<> {
    if (i == 30) mine.request();
    const auto answer = co_await as_result(net().get(ask(stuck), i == 20 ? mine : others));
    EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
    ended.push_back(i);
    if (i == 20) others.request();
  };
  ASSERT_TRUE(run(for_each_limited(31, 31, work)));
  EXPECT_EQ(ended.front(), 20u);
}

TEST_F(NativeNetTest, AConnectionIsNoWayAroundTheAddressCheck) {
  TestServer server([](const std::string&) { return Sent{http_reply(200, "private")}; });
  ASSERT_TRUE(run(net().get(ask(server), Stop())));
  host::NetRequest forbidden = ask(server);
  forbidden.allow_local = false;
  const auto answer = run(net().get(forbidden, Stop()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kForbiddenAddress);
  EXPECT_EQ(server.requests(), 1);
  EXPECT_TRUE(run(net().get(ask(server), Stop())));
}

TEST_F(NativeNetTest, RedirectsAreFollowedAsToldAndCheckedOnTheWay) {
  TestServer target([](const std::string&) { return Sent{http_reply(200, "there")}; });
  const auto to = [](const std::string& url) {
    return Sent{"HTTP/1.1 302 x\r\nLocation: " + url + "\r\nContent-Length: 0\r\n\r\n"};
  };
  TestServer server([&](const std::string& path) {
    return to(path == "/file" ? "file:///etc/hostname" : path == "/round" ? "/round" : target.url() + "/");
  });
  EXPECT_EQ(run(net().get(ask(server), Stop()))->status, 302);
  host::NetRequest following = ask(server);
  following.follow_redirects = true;
  const auto answer = run(net().get(following, Stop()));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(as_text(BytesView(answer->body, 0, answer->body->size()).view()), "there");
  for (const char* path : {"/file", "/round"}) {
    following.url = server.url() + path;
    EXPECT_EQ(run(net().get(following, Stop())).error().code, ErrorCode::kSourceError) << path;
  }
}

TEST_F(NativeNetTest, ATrickleEndsAtTheTotalTime) {
  TestServer server([](const std::string&) { return Sent{"HTTP/1.1 200 x\r\nContent-Length: 8\r\n\r\n{", true}; });
  host::NetRequest request = ask(server);
  request.total_seconds = 0.3;
  EXPECT_EQ(run(net().get(request, Stop())).error().code, ErrorCode::kTimeout);
}

TEST_F(NativeNetTest, ALengthAboveTheLimitEndsItBeforeTheBody) {
  TestServer server([](const std::string&) { return Sent{"HTTP/1.1 200 x\r\nContent-Length: 1048577\r\n\r\n", true}; });
  host::NetRequest request = ask(server);
  request.stall_seconds = 5;
  EXPECT_EQ(run(net().get(request, Stop())).error().code, ErrorCode::kLimitExceeded);
}

TEST_F(NativeNetTest, ALengthAboveTheMemoryEndsItAtOnce) {
  TestServer server(
      [](const std::string&) { return Sent{"HTTP/1.1 200 x\r\nContent-Length: 1000000000000000\r\n\r\nx", true}; });
  host::NetRequest request = ask(server);
  request.stall_seconds = 5;
  request.max_bytes = UINT64_MAX;
  const auto answer = run(net().get(request, Stop()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kOutOfMemory);
  EXPECT_THAT(answer.error().message, HasSubstr("1000000000000000 bytes"));
}

constexpr const char* kWithoutLength = "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n";

TEST_F(NativeNetTest, WithoutALengthTheLimitIsAnother) {
  TestServer server([](const std::string&) { return Sent{kWithoutLength, false, true}; });
  host::NetRequest request = ask(server);
  request.max_unstated = 100'000;
  const auto answer = run(net().get(request, Stop()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kLimitExceeded);
  EXPECT_THAT(answer.error().message, HasSubstr("more than 100000 bytes without saying how many"));
}

/// Ends this process with 0 when a request that finds no memory says so, and leaves the host as it was.
[[noreturn]] void receive_more_than_there_is() {
  const TestFolder folder;
  const auto native = *host::NativeHost::open(folder.path / "home");
  TestServer endless([](const std::string& target) {
    return target == "/x" ? Sent{http_reply(200, "x")} : Sent{kWithoutLength, false, true};
  });
  const auto code_of = [&](const std::string& path) {
    const auto answer = native->loop().block_on(native->host().net.get(
        {.url = endless.url() + path, .accept = {}, .max_bytes = UINT64_MAX, .allow_local = true}, Stop()));
    return answer ? ErrorCode{} : answer.error().code;
  };
  if (code_of("/x") != ErrorCode{}) std::_Exit(1);  // its threads are there
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  for (int field = 0; field < 6; ++field) statm >> pages;  // the sixth: data
  const rlim_t bytes = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + (40u << 20);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_DATA, &limit);
  if (code_of("/endless") != ErrorCode::kOutOfMemory) std::_Exit(2);
  std::_Exit(code_of("/x") == ErrorCode{} ? 0 : 3);
}

TEST(NativeNetDeathTest, WithoutMemoryARequestEndsAndNotTheProcess) {
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "the sanitizer has its own idea of memory";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(receive_more_than_there_is(), testing::ExitedWithCode(0), "");
}

bool is_public(const char* text) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST;
  EXPECT_EQ(::getaddrinfo(text, nullptr, &hints, &found), 0) << text;
  const bool answer = host::is_public_address(*found->ai_addr);
  ::freeaddrinfo(found);
  return answer;
}

TEST(Address, Blocks) {
  for (const char* local : {"127.0.0.1",
                            "10.1.2.3",
                            "172.16.0.1",
                            "172.31.255.255",
                            "192.168.1.1",
                            "169.254.169.254",
                            "100.64.0.1",
                            "0.0.0.0",
                            "224.0.0.1",
                            "255.255.255.255",
                            "::1",
                            "::",
                            "fe80::1",
                            "fc00::1",
                            "fd12::1",
                            "ff02::1",
                            "::ffff:127.0.0.1",
                            "::ffff:10.0.0.1",
                            "64:ff9b::7f00:1",
                            "2002:7f00:1::",
                            "::127.0.0.1"}) {
    EXPECT_FALSE(is_public(local)) << local;
  }
  for (const char* open : {"1.1.1.1", "172.32.0.1", "172.15.0.1", "192.167.1.1", "100.128.0.1", "2606:4700::1111",
                           "::ffff:1.1.1.1", "223.255.255.255"}) {
    EXPECT_TRUE(is_public(open)) << open;
  }
}

}  // namespace
}  // namespace ipfs_accelerate::fetch
