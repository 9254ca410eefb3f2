// Fetching over loopback from servers that behave, lie, stall, cut short, redirect or never end.
#include "fetch/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include "fetch/address.h"
#include "fetch/test_server.h"
#include "store/test_folder.h"

namespace ipfs_accelerate::fetch {
namespace {

using namespace std::chrono_literals;
using store::Store;
using store::TestFolder;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1u << 20;
constexpr GatewayOptions kLocal{.allow_local = true, .connect_timeout = 2s, .stall_timeout = 1s};

struct FetchTest : testing::Test {
  TestFolder folder;
  std::shared_ptr<Store> origin = *Store::open(folder.path / "origin");
  std::shared_ptr<Store> store = *Store::open(folder.path / "store");
  std::filesystem::path source = folder.path / "source";

  void SetUp() override {
    store::write_random(source / "weights.bin", 5 * kMiB + 123, 1);
    store::write_random(source / "sub/other.bin", 2 * kMiB, 2);
    store::write_text(source / "sub/config.json", "{\"a\": 1}");
  }

  // The honest gateway: /ipfs/CID?format=raw
  Reply serve(const std::string& target) {
    if (!target.ends_with("?format=raw") || !target.starts_with("/ipfs/")) return {http_reply(400, "")};
    const auto cid = Cid::parse(std::string_view(target).substr(6, target.size() - 6 - 11));
    const auto block = cid ? origin->get_block(*cid) : Result<Block>(std::unexpected(cid.error()));
    return {block ? http_reply(200, as_text(block->bytes())) : http_reply(404, "")};
  }
  TestServer::Handler honest() {
    return [this](const std::string& target) { return serve(target); };
  }
  static std::shared_ptr<Source> gateway_to(const TestServer& server) { return *gateway(server.url(), kLocal); }

  Cid small() { return origin->add(source / "sub/config.json")->root; }
  ErrorCode code_from(TestServer::Handler handler, std::string* message = nullptr) {
    TestServer server(std::move(handler));
    Fetcher fetcher(store, {gateway_to(server)});
    const auto block = fetcher.get(small());
    EXPECT_FALSE(block);
    if (message && !block) *message = block.error().message;
    return block ? ErrorCode::kInternal : block.error().code;
  }
};

class Profiles : public FetchTest, public testing::WithParamInterface<content::ProfileName> {};

TEST_P(Profiles, Dag) {
  const auto added = origin->add(source, {.profile = GetParam()});
  TestServer server(honest());
  Fetcher fetcher(store, {gateway_to(server)});
  store::Progress last;
  const auto fetched = fetcher.fetch_dag(added->root, {.progress = [&](const store::Progress& p) { last = p; }});
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_TRUE(*store->is_complete(added->root.text()));
  EXPECT_TRUE(store->verify(added->root.text())->damage.empty());
  EXPECT_EQ(store->stat()->files, 2u);
  EXPECT_EQ(store->stat()->file_bytes, 7 * kMiB + 123);
  EXPECT_LT(store->stat()->block_bytes, 600'000u);  // at most one probed leaf of each file lies twice
  EXPECT_GT(fetched->bytes, 7 * kMiB);
  EXPECT_EQ(fetched->sources[0].bytes, fetched->bytes);
  EXPECT_EQ(last.bytes_done, fetched->bytes + fetched->cached_bytes);
  EXPECT_EQ(store->pins()->size(), 1u);
  const int requests = server.requests();
  const auto again = fetcher.fetch_dag(added->root);
  EXPECT_EQ(again->bytes, 0u);
  EXPECT_EQ(server.requests(), requests);
}

INSTANTIATE_TEST_SUITE_P(All, Profiles,
                         testing::Values(content::ProfileName::kUnixFsV1_2025, content::ProfileName::kUnixFsV0_2015,
                                         content::ProfileName::kKuboCidV1));

TEST_F(FetchTest, ResumesWhereItStopped) {
  const auto added = origin->add(source / "weights.bin");
  {
    TestServer server([this, count = std::make_shared<std::atomic<int>>(0)](const std::string& target) {
      return ++*count > 4 ? Reply{http_reply(500, "")} : serve(target);
    });
    Fetcher fetcher(store, {gateway_to(server)});
    EXPECT_EQ(fetcher.fetch_file(added->root).error().code, ErrorCode::kSourceError);
  }
  store.reset();
  store = *Store::open(folder.path / "store");
  TestServer server(honest());
  Fetcher fetcher(store, {gateway_to(server)});
  const auto fetched = fetcher.fetch_file(added->root);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(server.requests(), 3);  // root and three leaves came before
  EXPECT_TRUE(store->verify(added->root.text())->damage.empty());
}

TEST_F(FetchTest, Lies) {
  std::string message;
  const auto lie = [](const std::string&) { return Reply{http_reply(200, "something else")}; };
  EXPECT_EQ(code_from(lie, &message), ErrorCode::kSourceLied);
  EXPECT_THAT(message, HasSubstr("127.0.0.1"));
  EXPECT_THAT(message, HasSubstr("bafkrei"));
  EXPECT_FALSE(store->has_block(small()));
}

TEST_F(FetchTest, ALiarIsNotAskedAgainAndAnotherSourceHelps) {
  const auto added = origin->add(source);
  TestServer liar([](const std::string&) { return Reply{http_reply(200, "something else")}; });
  TestServer server(honest());
  Fetcher fetcher(store, {gateway_to(liar), gateway_to(server)});
  const auto fetched = fetcher.fetch_dag(added->root);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_TRUE(store->verify(added->root.text())->damage.empty());
  EXPECT_EQ(liar.requests(), 1);
  EXPECT_TRUE(fetched->sources[0].banned);
  EXPECT_EQ(fetched->sources[0].bytes, 0u);
  EXPECT_EQ(fetched->sources[0].wasted_bytes, 14u);
}

TEST_F(FetchTest, Stalls) {
  const std::string half = "HTTP/1.1 200 x\r\nContent-Length: 8\r\n\r\n{\"a";
  EXPECT_EQ(code_from([&](const std::string&) { return Reply{half, true}; }), ErrorCode::kTimeout);
  EXPECT_EQ(code_from([&](const std::string&) { return Reply{"", true}; }), ErrorCode::kTimeout);
}

TEST_F(FetchTest, CutShort) {
  const std::string half = "HTTP/1.1 200 x\r\nContent-Length: 8\r\nConnection: close\r\n\r\n{\"a";
  EXPECT_EQ(code_from([&](const std::string&) { return Reply{half}; }), ErrorCode::kSourceError);
  EXPECT_EQ(code_from([&](const std::string&) { return Reply{"not http at all\r\n\r\n"}; }), ErrorCode::kSourceError);
}

TEST_F(FetchTest, Endless) {
  const std::string start = "HTTP/1.1 200 x\r\nContent-Length: 8000000000\r\n\r\n";
  EXPECT_EQ(code_from([&](const std::string&) { return Reply{start, false, true}; }), ErrorCode::kSourceLied);
}

TEST_F(FetchTest, StatusCodes) {
  EXPECT_EQ(code_from([](const std::string&) { return Reply{http_reply(404, "")}; }), ErrorCode::kNoSource);
  EXPECT_EQ(code_from([](const std::string&) { return Reply{http_reply(500, "")}; }), ErrorCode::kSourceError);
  TestServer other(honest());
  const std::string redirect = "HTTP/1.1 302 x\r\nLocation: " + other.url() + "/\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(code_from([&](const std::string&) { return Reply{redirect}; }), ErrorCode::kNoSource);
  EXPECT_EQ(other.requests(), 0);
}

TEST_F(FetchTest, NobodyThere) {
  std::string url;
  {
    TestServer gone(honest());
    url = gone.url();
  }
  EXPECT_EQ(Fetcher(store, {*gateway(url, kLocal)}).get(small()).error().code, ErrorCode::kUnreachable);
  EXPECT_EQ(Fetcher(store, {}).get(small()).error().code, ErrorCode::kNoSource);
  EXPECT_EQ(Fetcher(store, {}).fetch_dag(small(), {.pin = false}).error().code, ErrorCode::kNoSource);
}

TEST_F(FetchTest, LocalAddressesOnlyWhenAllowed) {
  TestServer server(honest());
  const auto block = Fetcher(store, {*gateway(server.url())}).get(small());
  EXPECT_EQ(block.error().code, ErrorCode::kForbiddenAddress);
  EXPECT_EQ(server.requests(), 0);
}

TEST_F(FetchTest, Cancelled) {
  std::stop_source stop;
  TestServer server([](const std::string&) { return Reply{"", true}; });
  Fetcher fetcher(store, {*gateway(server.url(), {.allow_local = true})});
  const std::jthread later([&] {
    std::this_thread::sleep_for(200ms);
    stop.request_stop();
  });
  EXPECT_EQ(fetcher.get(small(), stop.get_token()).error().code, ErrorCode::kCancelled);
}

TEST_F(FetchTest, DamagedCacheIsFetchedAgain) {
  const Cid cid = store->add(source / "sub/config.json")->root;
  store.reset();
  store::flip_byte(folder.path / "store/pack/0.blocks", 80 + 3);
  store = *Store::open(folder.path / "store");
  EXPECT_EQ(store->get_block(cid).error().code, ErrorCode::kIntegrity);
  EXPECT_EQ(Fetcher(store, {store_source(origin)}).get(cid).error().code, ErrorCode::kNoSource);
  ASSERT_EQ(small(), cid);
  EXPECT_TRUE(Fetcher(store, {store_source(origin)}).get(cid));
  store.reset();
  store = *Store::open(folder.path / "store");
  EXPECT_TRUE(store->get_block(cid));
}

TEST(Gateway, Urls) {
  for (const char* bad : {"", "localhost", "ftp://x", "http://", "http://u:p@x", "http://x/path", "http://x?q=1",
                          "file:///etc/passwd", "http://x#f"}) {
    EXPECT_EQ(gateway(bad).error().code, ErrorCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ((*gateway("https://example.org/"))->name(), "https://example.org");
  EXPECT_EQ((*gateway("http://[::1]:8080"))->name(), "http://[::1]:8080");
}

bool is_public(const char* text) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST;
  EXPECT_EQ(::getaddrinfo(text, nullptr, &hints, &found), 0) << text;
  const bool answer = is_public_address(*found->ai_addr);
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
