// The fetcher against a scripted host: gateways that stall, lie, cut off and reorder; keeps that fill up and lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "content/directory.h"
#include "fetch/fetch.h"
#include "fetch/underway.h"
#include "scripted/scripted_host.h"

namespace ipfs_accelerate::fetch {
namespace {

using content::ProfileName;
using scripted::Answer;
using scripted::noise;
using scripted::Origin;
using scripted::ScriptedHost;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1u << 20;
const std::string kA = "http://a.test", kB = "http://b.test";

struct ScriptedFetch : testing::Test {
  Origin origin;
  Bytes weights = noise(5 * kMiB + 123, 1);
  Cid folder = origin.add_folder({{"config.json", noise(100, 2)}, {"sub/weights.bin", weights}});
  Cid block = origin.add_file(noise(1000, 3));

  static Fetcher fetcher(ScriptedHost& host, std::vector<std::string> gateways) {
    return Fetcher(host.host(), {.gateways = std::move(gateways)});
  }
  static Async<Bytes> read_all(Fetcher& fetcher, Cid folder, std::string path) {
    const auto file = co_await fetcher.open(folder, path, Stop());
    if (!file) co_await fail(ErrorCode::kNotFound, "no {}", path);
    const BytesView bytes = co_await file->read({0, file->size()}, Stop());
    co_return Bytes(bytes.view().begin(), bytes.view().end());
  }
  /// What one gateway that behaves so leads to.
  Error error_of(ScriptedHost::Change change) {
    ScriptedHost host;
    host.gateway(kA, origin, std::move(change));
    Fetcher fetch = fetcher(host, {kA});
    const auto got = host.run(fetch.get(block, Stop()));
    EXPECT_FALSE(got);
    EXPECT_EQ(host.kept_blocks(), 0u);
    return got ? Error{} : got.error();
  }
};

TEST_F(ScriptedFetch, TheTraceOfOneBlock) {
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  ASSERT_TRUE(host.run(fetch.get(block, Stop())));
  ASSERT_TRUE(host.run(fetch.flush()));
  const std::string cid = block.text();
  EXPECT_EQ(host.traced(), "keep read " + cid + "\nnet GET " + kA + "/ipfs/" + cid + "?format=raw\nhash 1\nkeep put " +
                               cid + " 1000\nkeep flush\n");
  EXPECT_EQ(fetch.figures().blocks_fetched, 1u);
  EXPECT_EQ(fetch.figures().bytes_fetched, 1000u);
  EXPECT_EQ(fetch.figures().bytes_verified, 1000u);
  EXPECT_EQ(fetch.figures().source, "ipfs");
  EXPECT_NEAR(fetch.figures().seconds, 0.01, 1e-9);
}

TEST_F(ScriptedFetch, KeptBlocksNeedNoSource) {
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher first = fetcher(host, {kA});
  EXPECT_EQ(*host.run(read_all(first, folder, "sub/weights.bin")), weights);
  const int asked = host.requests(kA);
  Fetcher second = fetcher(host, {});
  EXPECT_EQ(*host.run(read_all(second, folder, "sub/weights.bin")), weights);
  EXPECT_EQ(host.requests(kA), asked);
  EXPECT_EQ(second.figures().blocks_fetched, 0u);
  EXPECT_EQ(second.figures().blocks_kept, first.figures().blocks_fetched);
  EXPECT_EQ(second.figures().source, "cache");
}

TEST_F(ScriptedFetch, FaultsOfAGateway) {
  using Kind = Answer::Kind;
  const auto kind = [](Kind kind) { return [kind](const Cid&, Answer& answer) { answer.kind = kind; }; };
  const auto status = [](int status) { return [status](const Cid&, Answer& answer) { answer.status = status; }; };
  const auto lie = [](const Cid&, Answer& answer) { answer.body = {1, 2, 3}; };
  EXPECT_EQ(error_of(lie).code, ErrorCode::kSourceLied);
  EXPECT_EQ(error_of(kind(Kind::kEndless)).code, ErrorCode::kSourceLied);
  EXPECT_EQ(error_of(kind(Kind::kStall)).code, ErrorCode::kTimeout);
  EXPECT_EQ(error_of(kind(Kind::kCutOff)).code, ErrorCode::kSourceError);
  EXPECT_EQ(error_of(kind(Kind::kUnreachable)).code, ErrorCode::kUnreachable);
  EXPECT_EQ(error_of(status(404)).code, ErrorCode::kNoSource);
  EXPECT_EQ(error_of(status(302)).code, ErrorCode::kNoSource);
  EXPECT_EQ(error_of(status(429)).code, ErrorCode::kTooManyRequests);
  EXPECT_EQ(error_of(status(500)).code, ErrorCode::kSourceError);
  const std::string message = error_of(lie).message;
  EXPECT_THAT(message, HasSubstr(kA));
  EXPECT_THAT(message, HasSubstr(block.text()));
}

TEST_F(ScriptedFetch, ATransientFailureIsTriedOnceMore) {
  for (const int failures : {1, 2}) {
    ScriptedHost host;
    const Bytes& bytes = *origin.find(block);
    host.answer(kA, [&](const std::string&, int number) {
      return number < failures ? Answer{.status = 502} : Answer{.body = bytes};
    });
    Fetcher fetch = fetcher(host, {kA});
    EXPECT_EQ(host.run(fetch.get(block, Stop())).has_value(), failures == 1);
    EXPECT_EQ(host.requests(kA), 2);
    EXPECT_EQ(std::ranges::count(host.trace, "sleep 0.2"), 1);
  }
}

TEST_F(ScriptedFetch, ALiarIsNotAskedAgain) {
  ScriptedHost host;
  host.gateway(kA, origin, [](const Cid&, Answer& answer) { answer.body.push_back(0); });
  host.gateway(kB, origin);
  Fetcher fetch = fetcher(host, {kA, kB});
  EXPECT_EQ(*host.run(read_all(fetch, folder, "sub/weights.bin")), weights);
  EXPECT_EQ(host.requests(kA), 1);
}

TEST_F(ScriptedFetch, AStalledGatewayIsAskedLast) {
  ScriptedHost host;
  host.gateway(kA, origin, [](const Cid&, Answer& answer) { answer.kind = Answer::Kind::kStall; });
  host.gateway(kB, origin);
  Fetcher fetch = fetcher(host, {kA, kB});
  EXPECT_EQ(*host.run(read_all(fetch, folder, "sub/weights.bin")), weights);
  EXPECT_EQ(host.requests(kA), 1);
  EXPECT_LT(host.now(), 31);
}

TEST_F(ScriptedFetch, EverySourceIsNamedWhenNoneHelps) {
  ScriptedHost host;
  host.gateway(kA, origin, [](const Cid&, Answer& answer) { answer.status = 500; });
  host.gateway(kB, origin, [](const Cid&, Answer& answer) { answer.kind = Answer::Kind::kStall; });
  Fetcher fetch = fetcher(host, {kA, kB});
  const auto got = host.run(fetch.get(block, Stop()));
  EXPECT_EQ(got.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(got.error().message, HasSubstr("500"));
  EXPECT_THAT(got.error().message, HasSubstr(kB));
  Fetcher alone = fetcher(host, {});
  const auto nothing = host.run(alone.get(block, Stop()));
  EXPECT_EQ(nothing.error().code, ErrorCode::kNoSource);
  EXPECT_THAT(nothing.error().message, HasSubstr("name a gateway"));
  Fetcher wrong = fetcher(host, {"ftp://x"});
  EXPECT_EQ(host.run(wrong.get(block, Stop())).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ScriptedFetch, GatewayAddresses) {
  for (const char* bad : {"", "localhost", "ftp://x", "http://", "http://u:p@x", "http://x?q=1", "file:///etc/passwd",
                          "http://x#f", "http://:80", "http:///x", "https://a b"}) {
    ScriptedHost host;
    Fetcher fetch = fetcher(host, {bad});
    EXPECT_EQ(host.run(fetch.get(block, Stop())).error().code, ErrorCode::kInvalidArgument) << bad;
    EXPECT_EQ(host.requests(""), 0);
  }
  ScriptedHost host;
  host.gateway("https://x.test/below", origin);
  Fetcher fetch = fetcher(host, {"https://x.test/below/"});
  EXPECT_TRUE(host.run(fetch.get(block, Stop())));
}

TEST_F(ScriptedFetch, DamageInTheKeepIsRepaired) {
  ScriptedHost host;
  host.gateway(kA, origin);
  host.keep(block, *origin.find(block));
  host.corrupt(block);
  Fetcher alone = fetcher(host, {});
  EXPECT_EQ(host.run(alone.get(block, Stop())).error().code, ErrorCode::kIntegrity);
  host.keep(block, *origin.find(block));
  host.corrupt(block);
  Fetcher fetch = fetcher(host, {kA});
  ASSERT_TRUE(host.run(fetch.get(block, Stop())));
  EXPECT_EQ(fetch.figures().blocks_corrupt, 1u);
  EXPECT_EQ(fetch.figures().blocks_fetched, 1u);
  Fetcher again = fetcher(host, {});
  EXPECT_TRUE(host.run(again.get(block, Stop())));
}

TEST_F(ScriptedFetch, AFullKeepCostsNothingButLaterSpeed) {
  ScriptedHost host;
  host.full_after = 2 * kMiB;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  EXPECT_EQ(*host.run(read_all(fetch, folder, "sub/weights.bin")), weights);
  EXPECT_TRUE(fetch.figures().quota_exceeded);
  EXPECT_TRUE(host.run(fetch.flush()));
}

TEST_F(ScriptedFetch, WhatIsFetchedToBeKeptNeedsRoom) {
  const Cid big = origin.add_file(noise(60 * kMiB, 9));
  ScriptedHost host;
  host.full_after = 2 * kMiB;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  EXPECT_EQ(host.run(fetch.fetch_dag(big, {}, Stop())).error().code, ErrorCode::kQuotaExceeded);
  EXPECT_LT(fetch.figures().bytes_fetched, 30 * kMiB);  // what cannot be kept is left where it is
}

TEST_F(ScriptedFetch, HeldBytesAreNotHashedAgain) {
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  const auto held = host.run(fetch.get(block, Stop()));
  ASSERT_TRUE(held);
  const std::uint64_t verified = fetch.figures().bytes_verified;
  const std::size_t requests = host.trace.size();
  ASSERT_TRUE(host.run(fetch.get(block, Stop())));
  EXPECT_EQ(fetch.figures().bytes_verified, verified);
  EXPECT_EQ(host.trace.size(), requests);
}

TEST_F(ScriptedFetch, ReadAgainIsVerifiedAgain) {
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  ASSERT_TRUE(host.run(fetch.get(block, Stop())));  // and let go
  ASSERT_TRUE(host.run(fetch.get(block, Stop())));
  EXPECT_EQ(fetch.figures().bytes_verified, 2000u);
  EXPECT_EQ(fetch.figures().blocks_kept + fetch.figures().blocks_fetched, 1u);  // no second hit
}

TEST_F(ScriptedFetch, AtMostSixteenRequests) {
  ScriptedHost host;
  int now = 0, most = 0;
  const Cid big = origin.add_file(noise(40 * kMiB, 9));
  host.gateway(kA, origin, [&](const Cid&, Answer& answer) {
    most = std::max(most, ++now);
    answer.seconds = 1;
    host.at(host.now() + 1, [&] { --now; });
  });
  Fetcher fetch = fetcher(host, {kA});
  ASSERT_TRUE(host.run(fetch.fetch_dag(big, {}, Stop())));
  EXPECT_LE(most, static_cast<int>(kInFlight));
  EXPECT_GE(most, static_cast<int>(kInFlight) - 1);
}

TEST_F(ScriptedFetch, WhoWaitsForARequestToEndCanLeave) {
  ScriptedHost host;
  host.gateway(kA, origin, [](const Cid&, Answer& answer) { answer.seconds = 1; });
  Fetcher fetch = fetcher(host, {kA});
  std::vector<Cid> blocks;
  for (std::uint32_t i = 0; i < kInFlight + 2; ++i) blocks.push_back(origin.add_file(noise(1000, 100 + i)));
  const Stop stop;
  host.at(0.5, [&] { stop.request(); });
  std::vector<ErrorCode> failed(blocks.size());
  std::vector<double> ended(blocks.size());
  const auto all = [&]() -> Async<> {
    co_await for_each_limited(blocks.size(), blocks.size(), [&](std::size_t i) -> Async<> {
      const auto got = co_await as_result(fetch.get(blocks[i], i == kInFlight ? stop : Stop()));
      if (!got) failed[i] = got.error().code;
      ended[i] = host.now();
    });
  };
  ASSERT_TRUE(host.run(all()));
  EXPECT_EQ(failed[kInFlight], ErrorCode::kCancelled);
  EXPECT_NEAR(ended[kInFlight], 0.5, 1e-9);
  EXPECT_EQ(failed.back(), ErrorCode{});  // the turn goes to the next
  EXPECT_NEAR(ended.back(), 2, 0.1);
  EXPECT_EQ(host.requests(kA), static_cast<int>(kInFlight) + 1);
}

class Profiles : public ScriptedFetch, public testing::WithParamInterface<ProfileName> {};
INSTANTIATE_TEST_SUITE_P(All, Profiles,
                         testing::Values(ProfileName::kUnixFsV1_2025, ProfileName::kUnixFsV0_2015,
                                         ProfileName::kKuboCidV1));

TEST_P(Profiles, ReadsInAnyOrderOfAnswers) {
  const Cid root = origin.add_folder({{"weights.bin", weights}}, GetParam());
  for (const bool addressable : {true, false}) {
    ScriptedHost host(addressable);
    std::mt19937 random(7);
    host.gateway(kA, origin, [&](const Cid&, Answer& answer) { answer.seconds = 0.001 * (random() % 100); });
    Fetcher fetch = fetcher(host, {kA});
    EXPECT_EQ(*host.run(read_all(fetch, root, "weights.bin")), weights);
    Fetcher again = fetcher(host, {});
    EXPECT_EQ(*host.run(read_all(again, root, "weights.bin")), weights);
  }
}

TEST_P(Profiles, RangesInOrder) {
  const Cid root = origin.add_file(weights, GetParam());
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  const auto work = [&]() -> Async<> {
    const File file = co_await fetch.open_file(root, "weights.bin", Stop());
    EXPECT_EQ(file.size(), weights.size());
    const std::vector<Range> ranges{{0, 10},
                                    {5, 2 * kMiB},
                                    {kMiB - 1, kMiB + 1},
                                    {7, 7},
                                    {3 * kMiB, 3 * kMiB + 5},
                                    {4 * kMiB, weights.size()},
                                    {0, weights.size()}};
    std::size_t next = 0;
    co_await file.read_in_order(
        ranges,
        [&](std::size_t number, ByteView bytes) -> Async<> {
          EXPECT_EQ(number, next++);
          const Range& range = ranges[number];
          EXPECT_TRUE(std::ranges::equal(bytes, ByteView(weights).subspan(range.begin, range.end - range.begin)));
          co_return;
        },
        Stop());
    EXPECT_EQ(next, ranges.size());
    EXPECT_EQ((co_await as_result(file.read({0, weights.size() + 1}, Stop()))).error().code, ErrorCode::kLimitExceeded);
    EXPECT_EQ((co_await as_result(file.read({5, 4}, Stop()))).error().code, ErrorCode::kLimitExceeded);
    EXPECT_EQ(file.bytes_touched({{0, 1}, {0, 2}, {weights.size() - 1, weights.size()}}),
              file.layout().leaves.front().length + file.layout().leaves.back().length);
  };
  const auto done = host.run(work());
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(host.requests(kA), static_cast<int>(fetch.figures().blocks_fetched));  // each leaf once
}

TEST_P(Profiles, WholeDag) {
  const Cid root =
      origin.add_folder({{"a/weights.bin", weights}, {"b/same.bin", weights}, {"c", noise(10, 4)}}, GetParam());
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  std::uint64_t done = 0, total = 0;
  const auto fetched = host.run(fetch.fetch_dag(
      root,
      [&](std::uint64_t now, std::uint64_t all) {
        EXPECT_GE(now, done);
        done = now;
        total = all;
      },
      Stop()));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_GT(done, weights.size());
  EXPECT_GE(total, done);
  const int asked = host.requests(kA);
  EXPECT_TRUE(host.run(fetch.fetch_dag(root, {}, Stop())));
  EXPECT_EQ(host.requests(kA), asked);
  host.empty_keep();
  Fetcher alone = fetcher(host, {});
  EXPECT_EQ(host.run(alone.fetch_dag(root, {}, Stop())).error().code, ErrorCode::kNoSource);
}

TEST_F(ScriptedFetch, NeighboursAreNotCopied) {
  const Cid root = origin.add_file(weights);
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher first = fetcher(host, {kA});
  ASSERT_TRUE(host.run(first.fetch_dag(root, {}, Stop())));
  Fetcher fetch = fetcher(host, {});
  const auto work = [&]() -> Async<> {
    const File file = co_await fetch.open_file(root, "weights.bin", Stop());
    const BytesView one = co_await file.read({0, 100}, Stop());
    const BytesView all = co_await file.read({0, weights.size()}, Stop());
    EXPECT_EQ(one.view().data(), all.view().data());
    EXPECT_TRUE(std::ranges::equal(all.view(), weights));
  };
  EXPECT_TRUE(host.run(work()));
}

TEST_F(ScriptedFetch, PathsAndFiles) {
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  const std::string root = folder.text();
  const auto sub = host.run(fetch.resolve(root + "/sub", Stop()));
  ASSERT_TRUE(sub);
  EXPECT_EQ(*host.run(fetch.resolve("ipfs://" + root + "/%73ub/", Stop())), *sub);
  EXPECT_EQ(host.run(fetch.resolve(root + "/nothing", Stop())).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(*host.run(fetch.open(folder, "nothing.json", Stop())));
  EXPECT_FALSE(*host.run(fetch.open(folder, "config.json/deeper", Stop())));
  EXPECT_EQ(host.run(fetch.open(folder, "../x", Stop())).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(host.run(fetch.open(folder, "sub", Stop())).error().code, ErrorCode::kInvalidArgument);
  // A block nobody has is no missing entry.
  Fetcher alone = fetcher(host, {});
  host.empty_keep();
  EXPECT_EQ(host.run(alone.open(folder, "config.json", Stop())).error().code, ErrorCode::kNoSource);
}

TEST_F(ScriptedFetch, LeavesAtDifferentDepthsAreNeverZeros) {
  // A leaf of more than a megabyte inside its dag-pb block, beside raw ones.
  const Bytes inner = noise(kMiB + kMiB / 2, 5), raw = noise(1000, 6);
  const Cid large =
      origin.add_block(content::Codec::kDagPb, content::encode_unixfs({.data = inner, .file_size = inner.size()}));
  const Cid small = origin.add_block(content::Codec::kRaw, raw);
  content::UnixFsNode node{.file_size = inner.size() + raw.size(), .block_sizes = {inner.size(), raw.size()}};
  node.links = {{large, "", 0}, {small, "", 0}};
  const Cid root = origin.add_block(content::Codec::kDagPb, content::encode_unixfs(node));
  Bytes whole = inner;
  whole.insert(whole.end(), raw.begin(), raw.end());
  ScriptedHost host;
  host.gateway(kA, origin);
  Fetcher fetch = fetcher(host, {kA});
  const auto read = [&]() -> Async<> {
    const File file = co_await fetch.open_file(root, "x", Stop());
    const BytesView bytes = co_await file.read({0, file.size()}, Stop());
    EXPECT_TRUE(std::ranges::equal(bytes.view(), whole));
  };
  const auto done = host.run(read());
  EXPECT_TRUE(done) << done.error().message;
}

TEST_F(ScriptedFetch, BlocksInsideTheirCids) {
  const auto inlined = Cid::parse("bafkqabtimvwgy3yk");  // "hello\n"
  ASSERT_TRUE(inlined);
  ScriptedHost host;
  Fetcher fetch = fetcher(host, {});
  const auto got = host.run(fetch.get(*inlined, Stop()));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->bytes()->size(), 6u);
}

TEST_F(ScriptedFetch, StopEndsEverything) {
  for (const double when : {0.0, 0.005, 0.5, 2.0}) {
    ScriptedHost host;
    host.gateway(kA, origin, [](const Cid&, Answer& answer) { answer.seconds = 1; });
    Fetcher fetch = fetcher(host, {kA});
    const Stop stop;
    host.at(when, [&] { stop.request(); });
    const auto work = [&]() -> Async<> {
      const auto file = co_await fetch.open(folder, "sub/weights.bin", stop);
      co_await file->read_in_order({{0, file->size()}}, [](std::size_t, ByteView) -> Async<> { co_return; }, stop);
    };
    EXPECT_EQ(host.run(work()).error().code, ErrorCode::kCancelled);
    EXPECT_LE(host.now(), when + 0.01);
  }
}

/// Several loads that want one block of one gateway, which takes a second.
struct SharedFetch : ScriptedFetch {
  ScriptedHost host;
  std::shared_ptr<Underway> underway = std::make_shared<Underway>();
  std::vector<Stop> stops = std::vector<Stop>(3);
  std::vector<std::unique_ptr<Fetcher>> loads;
  std::vector<Result<content::VerifiedBytes>> got{3, fail(ErrorCode::kInternal, "not yet")};
  std::vector<double> ended = {0, 0, 0};

  SharedFetch() { host.gateway(kA, origin, slow); }
  static void slow(const Cid&, Answer& answer) { answer.seconds = 1; }

  /// Each load goes as soon as it has its answer.
  Async<> one(std::size_t i, std::vector<std::string> gateways) {
    loads[i] = std::make_unique<Fetcher>(host.host(), SourceOptions{.gateways = std::move(gateways)}, underway);
    got[i] = co_await as_result(loads[i]->get(block, stops[i]));
    ended[i] = host.now();
    if (got[i]) {
      EXPECT_EQ(loads[i]->figures().blocks_fetched, 1u);
      EXPECT_EQ(loads[i]->figures().bytes_verified, 1000u);
    }
    loads[i].reset();
  }
  void run_all(std::vector<std::vector<std::string>> gateways) {
    loads.resize(gateways.size());
    const auto all = [&]() -> Async<> {
      co_await for_each_limited(gateways.size(), gateways.size(), [&](std::size_t i) { return one(i, gateways[i]); });
    };
    const auto done = host.run(all());
    EXPECT_TRUE(done) << done.error().message;
  }
};

TEST_F(SharedFetch, ABlockWantedTwiceComesOnce) {
  run_all({{kA}, {kA}});
  EXPECT_TRUE(got[0] && got[1]);
  EXPECT_EQ(host.requests(kA), 1);
  EXPECT_EQ(std::ranges::count_if(host.trace, [](const auto& line) { return line.starts_with("keep put"); }), 1);
}

TEST_F(SharedFetch, ByOneLoadToo) {
  Fetcher fetch = fetcher(host, {kA});
  const auto both = [&]() -> Async<> {
    co_await for_each_limited(2, 2, [&](std::size_t) -> Async<> { (void)co_await fetch.get(block, Stop()); });
  };
  EXPECT_TRUE(host.run(both()));
  EXPECT_EQ(host.requests(kA), 1);
  EXPECT_EQ(fetch.figures().blocks_fetched, 1u);
}

TEST_F(SharedFetch, WhoLeavesEndsNobodyElses) {
  for (const std::size_t leaver : {0, 1}) {  // who began it, and who joined
    host.empty_keep();
    stops = std::vector<Stop>(3);
    const double begin = host.now();
    const int before = host.requests(kA);
    host.at(begin + 0.5, [&] { stops[leaver].request(); });
    run_all({{kA}, {kA}});
    ASSERT_FALSE(got[leaver]);
    EXPECT_EQ(got[leaver].error().code, ErrorCode::kCancelled);
    EXPECT_NEAR(ended[leaver] - begin, 0.5, 1e-9);
    EXPECT_TRUE(got[1 - leaver]) << got[1 - leaver].error().message;
    EXPECT_EQ(host.requests(kA), before + 1);
  }
}

TEST_F(SharedFetch, ItEndsWithTheLast) {
  host.at(0.3, [&] { stops[0].request(); });
  host.at(0.5, [&] { stops[1].request(); });
  run_all({{kA}, {kA}});
  for (const int i : {0, 1}) EXPECT_EQ(got[i].error().code, ErrorCode::kCancelled);
  EXPECT_NEAR(ended[1], 0.5, 1e-9);
  EXPECT_LT(host.now(), 0.6);
  stops = std::vector<Stop>(3);
  run_all({{kA}});
  EXPECT_TRUE(got[0]);
  EXPECT_EQ(host.requests(kA), 2);
}

TEST_F(SharedFetch, OtherSourcesAreAskedForThemselves) {
  host.gateway(kB, origin, slow);
  run_all({{kA}, {kB}, {kA, kB}});
  EXPECT_TRUE(got[0] && got[1] && got[2]);
  EXPECT_EQ(host.requests(kA), 2);
  EXPECT_EQ(host.requests(kB), 1);
}

TEST_F(SharedFetch, WhatFailsFailsForAll) {
  host.gateway(kA, origin, [](const Cid&, Answer& answer) { answer.status = 404; });
  run_all({{kA}, {kA}});
  for (const int i : {0, 1}) EXPECT_EQ(got[i].error().code, ErrorCode::kNoSource);
  EXPECT_EQ(host.requests(kA), 1);
}

TEST_F(ScriptedFetch, AnErrorOfTheTakerEndsWhatIsReadAhead) {
  ScriptedHost host;
  host.gateway(kA, origin);
  const Cid big = origin.add_file(noise(20 * kMiB, 8));
  Fetcher fetch = fetcher(host, {kA});
  const auto work = [&]() -> Async<> {
    const File file = co_await fetch.open_file(big, "big", Stop());
    co_await file.read_in_order(
        {{0, 10}, {10 * kMiB, 11 * kMiB}},
        [](std::size_t, ByteView) -> Async<> { co_await fail(ErrorCode::kIo, "enough"); }, Stop());
  };
  EXPECT_EQ(host.run(work()).error().code, ErrorCode::kIo);
}

TEST_F(ScriptedFetch, TheSameWorkGivesTheSameTrace) {
  std::string traces[2];
  for (std::string& trace : traces) {
    ScriptedHost host;
    host.gateway(kA, origin);
    Fetcher fetch = fetcher(host, {kA});
    ASSERT_TRUE(host.run(fetch.fetch_dag(folder, {}, Stop())));
    trace = host.traced();
  }
  EXPECT_EQ(traces[0], traces[1]);
}

}  // namespace
}  // namespace ipfs_accelerate::fetch
