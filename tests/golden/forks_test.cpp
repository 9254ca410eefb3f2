// Sequences that are forked, cut and dropped in the middle of generating go on as if each had been alone; and what that
// costs a device.
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "golden/decoder_machine.h"

namespace ipfs_accelerate {
namespace {

constexpr std::int64_t kMost = 56;  // rows of a sequence: four pages
constexpr std::size_t kSteps = 14;

/// What one sequence was fed, and the logits after some of it.
struct Told {
  std::size_t text = 0;
  Tokens fed;
  std::map<std::size_t, std::vector<float>> logits;  ///< after the token in this place
};

Tokens some_tokens(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  Tokens tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(static_cast<std::int32_t>(3 + random() % 300));
  return tokens;
}

/// Logits after each token of one sequence, fed at once.
Async<std::vector<float>> logits_alone(TaskRun& run, Told told) {
  const auto decoder = co_await open_decoder(run, {told.text}, static_cast<std::int64_t>(told.fed.size()));
  auto outputs = co_await decoder->feed_all({told.fed}, {"logits"});
  const auto logits = outputs[0].second.f32s();
  co_return std::vector<float>(logits.begin(), logits.end());
}

/// Two sequences and a spare one, and what becomes of them.
class Tale {
 public:
  static Async<std::unique_ptr<Tale>> begin(OnDevice& run) {
    std::unique_ptr<Tale> made(new Tale(run));
    made->decoder_ = co_await open_decoder(run, {0, 1}, kMost, 1);
    co_return made;
  }
  Decoder& decoder() { return *decoder_; }

  Async<> feed(std::vector<Tokens> tokens) {
    co_await decoder_->feed(tokens);
    for (std::size_t i = 0; i < tokens.size(); ++i) told_[i].fed.append_range(tokens[i]);
  }
  /// A token for every sequence, others each time.
  Async<> step() {
    std::vector<Tokens> tokens;
    for (std::size_t i = 0; i < told_.size(); ++i) tokens.push_back(some_tokens(1, seed_++));
    auto outputs = co_await decoder_->feed_all(tokens, {"logits"});
    const auto logits = outputs[0].second.f32s();
    const std::size_t each = logits.size() / told_.size();
    for (std::size_t i = 0; i < told_.size(); ++i) {
      const auto own = logits.subspan(i * each, each);
      told_[i].logits[told_[i].fed.size()].assign(own.begin(), own.end());
      told_[i].fed.push_back(tokens[i][0]);
    }
  }
  Async<> steps() {
    for (std::size_t i = 0; i < kSteps; ++i) co_await step();
  }
  Async<> fork(std::size_t from, std::size_t to) {
    co_await decoder_->fork(from, to);
    ended_.push_back(std::exchange(told_[to], {told_[from].text, told_[from].fed, {}}));
  }
  Async<> truncate(std::size_t i, std::size_t length) {
    co_await decoder_->truncate(i, static_cast<std::int64_t>(length));
    ended_.push_back(told_[i]);
    told_[i].fed.resize(length);
    told_[i].logits.clear();
  }
  void drop(std::size_t i) {
    decoder_->drop(i);
    ended_.push_back(std::exchange(told_[i], {told_[i].text, {}, {}}));
  }

  /// Everything against the same tokens alone. Overwrites what the states hold.
  void expect_as_alone(std::size_t rows) {
    decoder_.reset();
    ended_.append_range(told_);
    std::size_t compared = 0;
    for (const Told& told : ended_) compared += compare(told);
    EXPECT_EQ(compared, rows);
  }

 private:
  explicit Tale(OnDevice& run) : run_(run) {}

  std::size_t compare(const Told& told) {
    if (told.logits.empty()) return 0;
    const std::vector<float> alone = must(logits_alone(run_, told));
    const std::size_t each = alone.size() / told.fed.size();
    const float bound = run_.parts().precision() == 16 ? 2e-3f : 1e-4f;
    for (const auto& [place, logits] : told.logits) {
      float off = 0;
      for (std::size_t k = 0; k < each; ++k) off = std::max(off, std::abs(logits[k] - alone[place * each + k]));
      EXPECT_LE(off, bound) << "after token " << place << " of " << told.fed.size();
    }
    return told.logits.size();
  }

  OnDevice& run_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<Told> told_{{0, {}, {}}, {1, {}, {}}, {0, {}, {}}};
  std::vector<Told> ended_;
  unsigned seed_ = 1;
};

using Forks = OnEveryDevice;

// Sequence 1 goes on as 0, which had other tokens and another text before, and as 2, which had none.
TEST_P(Forks, GoOnAsAlone) {
  for (const std::size_t length : {5u, 16u, 21u, 32u}) {
    SCOPED_TRACE(length);
    const auto tale = must(Tale::begin(model()));
    must(tale->feed({some_tokens(19, 7), some_tokens(length, 8), {}}));
    must(tale->fork(1, 0));
    must(tale->fork(1, 2));
    EXPECT_EQ(tale->decoder().sequence(0).length(), static_cast<std::int64_t>(length));
    must(tale->steps());
    tale->expect_as_alone(3 * kSteps);
  }
}

TEST_P(Forks, OfForksGoOnAsAlone) {
  const auto tale = must(Tale::begin(model()));
  must(tale->feed({some_tokens(30, 9), {}, {}}));
  for (const auto& [from, to] : {std::pair(0u, 1u), std::pair(1u, 2u), std::pair(2u, 0u), std::pair(0u, 1u)}) {
    must(tale->fork(from, to));
    must(tale->step());
    must(tale->step());
    if (from == 0) must(tale->feed({{5}, {6}, {7}}));
  }
  tale->expect_as_alone(4 * 2 * 3);
}

// Within a page, to a page border, to nothing.
TEST_P(Forks, CutsGoOnAsAlone) {
  const auto tale = must(Tale::begin(model()));
  must(tale->feed({some_tokens(37, 1), some_tokens(35, 2), some_tokens(20, 3)}));
  must(tale->truncate(0, 33));
  must(tale->truncate(1, 16));
  must(tale->truncate(2, 0));
  must(tale->steps());
  tale->expect_as_alone(3 * kSteps);
}

// The page in which a sequence is cut is one that others read on.
TEST_P(Forks, CutsOfSharedPagesLeaveTheOthersAlone) {
  const auto tale = must(Tale::begin(model()));
  must(tale->feed({some_tokens(36, 4), {}, {}}));
  must(tale->fork(0, 1));
  must(tale->fork(0, 2));
  must(tale->truncate(1, 20));
  must(tale->truncate(0, 9));
  must(tale->steps());
  tale->expect_as_alone(3 * kSteps);
}

// Others get the pages of one that is dropped; those it shared stay.
TEST_P(Forks, DroppedPagesAreUsedAgain) {
  const auto tale = must(Tale::begin(model()));
  must(tale->feed({some_tokens(37, 5), some_tokens(3, 6), {}}));
  must(tale->fork(0, 2));
  const auto pages = tale->decoder().sequence(0).table();
  const std::vector<std::int32_t> had(pages.begin(), pages.end());
  tale->drop(0);
  must(tale->feed({{}, some_tokens(16, 10), {}}));
  must(tale->feed({some_tokens(18, 11), {}, {}}));
  const auto now = tale->decoder().sequence(1).table();
  EXPECT_EQ(now[1], had[2]) << "the one that was not shared is free again";
  must(tale->steps());
  tale->expect_as_alone(3 * kSteps);
}

TEST_P(Forks, WhatCannotBeIsRefused) {
  const auto tale = must(Tale::begin(model()));
  must(tale->feed({some_tokens(18, 12), {}, {}}));
  const auto code = [](Async<> work) {
    const auto done = machine().loop.block_on(std::move(work));
    return done ? ErrorCode{} : done.error().code;
  };
  EXPECT_EQ(code(tale->decoder().fork(0, 0)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(tale->decoder().truncate(0, 19)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(tale->decoder().truncate(0, -1)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(tale->feed({some_tokens(kMost - 17, 13), {}, {}})), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code(tale->feed({some_tokens(kMost - 18, 13), {}, {}})), ErrorCode{});
}

/// Of a model that nobody used: what a run takes is what is predicted, without the part that copies, which the plan
/// does not show; and with it, when a fork has compiled it.
TEST_P(Forks, TakeMemoryOnceUsed) {
  const auto model = must(open_model());
  const auto decoder = must(open_decoder(*model, {0}, 40, 1));
  must(decoder->feed({{5}, {6}}));
  const auto taken = [&] { return model->parts().memory().value().second; };
  ShapeClass shape{{kBatch, 2}, {kSequence, 1}, {kRows, 2}, {kPages, 6}, {kCrossPages, 1}};
  const LoadOptions options{.precision = GetParam().precision};
  const auto all = predict(model->parts().plan(), shape, choice(), options);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(taken().states, all->states);
  EXPECT_EQ(taken().weights, all->weights);
  const Memory before = taken();
  if (GetParam().fixture != "t5") EXPECT_EQ(before.activations, all->activations);  // its encoder had another shape
  const std::string plan = model->pipeline().explain(model->parts().plan(), shape, {}, *all).dump();
  EXPECT_NE(plan.find("\"decoder\""), std::string::npos);
  EXPECT_EQ(plan.find("copy_pages"), std::string::npos);
  must(decoder->fork(0, 1));
  EXPECT_GT(taken().activations, before.activations);
  EXPECT_EQ(model->parts().memory().value().first, taken());
}

/// A copy is one submission that nobody waits for; where no page is copied there is none.
TEST_P(Forks, CostOneSubmissionAtMost) {
  if (GetParam().platform != "webgpu") GTEST_SKIP() << "counted on a device's port";
  const auto tale = must(Tale::begin(model()));
  must(tale->feed({some_tokens(31, 14), {}, {}}));
  must(tale->fork(0, 1));  // compiles it
  CountingGpu& gpu = machine().gpu;
  const int made = gpu.made, submissions = gpu.submissions;
  const std::size_t read = gpu.read;
  must(tale->fork(0, 2));
  EXPECT_EQ(gpu.submissions, submissions + 1);
  must(tale->feed({{5}, {6}, {7}}));
  const int fed = gpu.submissions, made_by_feeding = gpu.made;
  must(tale->fork(0, 1));
  tale->drop(2);
  must(tale->truncate(1, 16));
  EXPECT_EQ(gpu.submissions, fed);
  must(tale->truncate(1, 9));  // within a page that sequence 0 reads
  EXPECT_EQ(gpu.submissions, fed + 1);
  EXPECT_EQ(gpu.made, made_by_feeding);
  EXPECT_GE(made_by_feeding, made);
  EXPECT_EQ(gpu.read - read, 3 * sizeof(std::int32_t)) << "of the tokens";
}

INSTANTIATE_TEST_SUITE_P(All, Forks, testing::ValuesIn(everywhere()), where_name);

}  // namespace
}  // namespace ipfs_accelerate
