// Generation on the parts of a model: sequences side by side give the tokens that each gives alone; and what a token
// costs a GPU: one submission, a few bytes, nothing made.
#include <fstream>
#include <nlohmann/json.hpp>

#include "golden/decoder_machine.h"
#include "store/test_folder.h"

namespace ipfs_accelerate {
namespace {

/// `count` tokens that follow a prompt, one run for each.
Async<Tokens> alone(TaskRun& run, std::size_t text, Tokens prompt, std::size_t count) {
  const auto decoder = co_await open_decoder(run, {text}, static_cast<std::int64_t>(prompt.size() + count));
  Tokens made;
  std::vector<Tokens> next{std::move(prompt)};
  while (made.size() < count) {
    made.push_back((co_await decoder->feed(std::move(next))).front());
    next = {{made.back()}};
  }
  co_return made;
}

const std::vector<Tokens> kPrompts{
    {5, 17, 200, 31, 44, 9, 300, 2, 3, 4, 90, 91, 92, 93, 94, 95, 96}, {7}, {250, 251, 11, 12}};

/// Sequences of unequal length that begin and end at different times.
Async<std::vector<Tokens>> interleaved(TaskRun& run, std::size_t count) {
  const auto decoder = co_await open_decoder(run, {0, 1, 2}, 40);
  std::vector<Tokens> made(kPrompts.size()), next(kPrompts.size());
  for (std::size_t step = 0; step < count + kPrompts.size(); ++step) {
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (step == i) next[i] = kPrompts[i];  // sequence i begins i steps late
    }
    const Tokens tokens = co_await decoder->feed(std::exchange(next, std::vector<Tokens>(kPrompts.size())));
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (tokens[i] < 0) continue;
      made[i].push_back(tokens[i]);
      if (made[i].size() < count) next[i] = {tokens[i]};
    }
  }
  co_return made;
}

using Generation = OnEveryDevice;

TEST_P(Generation, SideBySideIsAsAlone) {
  constexpr std::size_t kCount = 20;  // over a page border
  const auto together = must(interleaved(model(), kCount));
  for (std::size_t i = 0; i < kPrompts.size(); ++i) {
    EXPECT_EQ(together[i], must(alone(model(), i, kPrompts[i], kCount))) << i;
  }
}

TEST_P(Generation, PromptsInPiecesAreAsWhole) {
  const auto in_pieces = [](TaskRun& run) -> Async<std::int32_t> {
    const auto decoder = co_await open_decoder(run, {0}, 20);
    const Tokens& prompt = kPrompts[0];
    co_await decoder->feed({Tokens(prompt.begin(), prompt.begin() + 5)});
    co_await decoder->feed({Tokens(prompt.begin() + 5, prompt.begin() + 6)});
    co_return (co_await decoder->feed({Tokens(prompt.begin() + 6, prompt.end())})).front();
  };
  EXPECT_EQ(must(in_pieces(model())), must(alone(model(), 0, kPrompts[0], 1)).front());
}

/// What a token costs each sequence once shapes are compiled.
Async<> count_costs(TaskRun& run, std::vector<std::size_t> texts) {
  const auto decoder = co_await open_decoder(run, texts, 60);
  const auto each = [](const Tokens& tokens) {
    std::vector<Tokens> all;
    for (const std::int32_t token : tokens) all.push_back(token < 0 ? Tokens() : Tokens{token});
    return all;
  };
  CountingGpu& gpu = machine().gpu;
  std::vector<Tokens> prompts;
  for (const std::size_t text : texts) prompts.push_back(kPrompts[text]);
  Tokens last = co_await decoder->feed(std::move(prompts));
  last = co_await decoder->feed(each(last));  // compiles the shape of single tokens
  const int made = gpu.made, submissions = gpu.submissions;
  const std::size_t read = gpu.read;
  constexpr int kTokens = 32;
  for (int i = 0; i < kTokens; ++i) {
    if (i == 10 && texts.size() > 1) last[0] = -1;  // ends before the others
    last = co_await decoder->feed(each(last));
  }
  EXPECT_EQ(gpu.made, made) << "buffers, pipelines or bind groups were made";
  EXPECT_EQ(gpu.submissions - submissions, kTokens);
  EXPECT_EQ(gpu.read - read, kTokens * texts.size() * sizeof(std::int32_t));
}

TEST_P(Generation, ATokenIsOneSubmissionAndFourBytes) {
  if (GetParam().platform != "webgpu") GTEST_SKIP() << "counted on a device's port";
  must(count_costs(model(), {0}));
}

TEST_P(Generation, ATokenOfABatchIsOneSubmissionAndFourBytesEach) {
  if (GetParam().platform != "webgpu") GTEST_SKIP() << "counted on a device's port";
  must(count_costs(model(), {0, 1, 2}));
}

TEST_P(Generation, TakesTheMemoryThatWasPredicted) {
  must(alone(model(), 2, kPrompts[2], 2));
  const auto memory = model().parts().memory();
  ASSERT_TRUE(memory) << memory.error().message;
  EXPECT_EQ(memory->first, memory->second);
  EXPECT_GT(memory->second.states, 0);
}

TEST_P(Generation, RefusesWhatIsBeyondTheContext) {
  const std::int64_t context = model().facts().max_tokens;
  const auto decoder = machine().loop.block_on(open_decoder(model(), {0}, context + 1));
  ASSERT_FALSE(decoder);
  EXPECT_EQ(decoder.error().code, ErrorCode::kLimitExceeded);
  EXPECT_NE(decoder.error().message.find(std::to_string(context)), std::string::npos) << decoder.error().message;
}

/// A copy of the model whose position `position` overflows: finite, but too large for a sum.
void overflow_at(const std::filesystem::path& folder, std::size_t position) {
  std::filesystem::copy(std::filesystem::path(IA_SOURCE_DIR) / "tests/fixtures/gpt2", folder);
  std::fstream file(folder / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  std::uint64_t size = 0;
  file.read(reinterpret_cast<char*>(&size), 8);
  std::string header(size, ' ');
  file.read(header.data(), static_cast<std::streamsize>(size));
  const nlohmann::json table = nlohmann::json::parse(header)["wpe.weight"];
  const std::vector<float> row(table["shape"][1].get<std::size_t>(), 3e38f);
  const std::size_t begin = 8 + size + table["data_offsets"][0].get<std::size_t>() + position * row.size() * 4;
  file.seekp(static_cast<std::streamoff>(begin));
  file.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * 4));
  ASSERT_TRUE(file.good());
}

TEST_P(Generation, ScoresThatAreNotFiniteAreNoToken) {
  if (GetParam().fixture != "gpt2") GTEST_SKIP() << "one model has the weights for it";
  const store::TestFolder folder;
  overflow_at(folder.path / "model", 12);
  const auto run =
      must(OnDevice::open((folder.path / "model").string(), choice(), {.precision = GetParam().precision}));
  const Tokens expected = must(alone(model(), 0, kPrompts[2], 6));
  const auto fails = [&](auto made, const std::string& where) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kNotFinite) << made.error().message;
    EXPECT_NE(made.error().message.find(where), std::string::npos) << made.error().message;
  };
  const auto beside = [](TaskRun& task) -> Async<Tokens> {
    const auto decoder = co_await Decoder::open(task, 2, 20);
    co_return co_await decoder->feed({kPrompts[2], kPrompts[0]});
  };
  for (int again = 0; again < 2; ++again) {  // what the states hold of a run that failed does no harm
    EXPECT_EQ(must(alone(*run, 0, kPrompts[2], 6)), expected);
    fails(machine().loop.block_on(alone(*run, 0, kPrompts[0], 1)), "text_generation (gpt2): sequence 0");
    fails(machine().loop.block_on(alone(*run, 0, kPrompts[2], 20)), "the token at position 13:");
    fails(machine().loop.block_on(beside(*run)), "sequence 1 has no finite scores for the token at position 17:");
  }
}

INSTANTIATE_TEST_SUITE_P(All, Generation, testing::ValuesIn(everywhere()), where_name);

}  // namespace
}  // namespace ipfs_accelerate
