// demo: one embedding model, a few texts, every native backend; says what ran where and how alike the texts are.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"

namespace ipfs_accelerate::cli {
namespace {

using Json = nlohmann::ordered_json;

using Vectors = std::vector<std::vector<float>>;

constexpr int kWarmRuns = 20;

struct Timing {
  RunResult first;
  double warm = 0;  ///< median of the warm runs, s
};

Result<Timing> measure(Engine& engine, const std::string& model, const std::vector<Content>& inputs,
                       const std::string& platform) {
  Config config;
  config.platform = platform;
  config.allow_fallback = false;
  auto first = engine.accelerate(model, inputs, config);
  if (!first) return std::unexpected(first.error());
  std::vector<double> seconds;
  for (int i = 0; i < kWarmRuns; ++i) {
    const auto again = engine.accelerate(model, inputs, config);
    if (!again) return std::unexpected(again.error());
    seconds.push_back(again->processing_time);
  }
  std::ranges::nth_element(seconds, seconds.begin() + kWarmRuns / 2);
  return Timing{*std::move(first), seconds[kWarmRuns / 2]};
}

std::string plan_lines(const Json& plan) {
  std::map<std::string, int> ops;
  std::string where;
  for (const Json& segment : plan["segments"]) {
    for (const Json& node : segment["nodes"]) ++ops[node.value("op", "")];
    where +=
        std::format("{}{} on {}", where.empty() ? "" : ", ", segment["nodes"].size(), segment.value("platform", ""));
  }
  std::string counted;
  for (const auto& [op, count] : ops) counted += std::format("{}{} {}", counted.empty() ? "" : ", ", count, op);
  return std::format(
      "  plan     {}, {}: {}\n           {} (auto: {})\n           weights {} in {} tensors, activations {} for {} "
      "texts of {} tokens\n",
      plan.value("architecture", ""), plan.value("task", ""), counted, where, plan.value("reason", ""),
      human_bytes(plan["weight_bytes"].get<std::uint64_t>()), plan["weights"].size(),
      human_bytes(plan["activation_bytes"].get<std::uint64_t>()), plan["shape"].value("batch", 0),
      plan["shape"].value("sequence", 0));
}

/// Of a run that gave embeddings.
Vectors vectors_of(const RunResult& result) {
  Vectors vectors;
  for (const Answer& answer : result.answers) vectors.push_back(std::get<Embedding>(answer).values);
  return vectors;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    dot += double{a[i]} * b[i], aa += double{a[i]} * a[i], bb += double{b[i]} * b[i];
  return dot / std::max(std::sqrt(aa * bb), 1e-30);
}

void print_similarity(const std::vector<std::string>& texts, const Vectors& vectors) {
  std::size_t width = 0;
  for (const std::string& text : texts) width = std::max(width, shorten(text, 32).size());
  std::cout << "\n  similarity\n";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::cout << std::format("  {:>2} {:<{}}", i + 1, shorten(texts[i], 32), width);
    for (const auto& other : vectors) std::cout << std::format(" {:6.2f}", cosine(vectors[i], other));
    std::cout << '\n';
  }
}

void print_timing(const std::string& platform, const Timing& timing, double worst) {
  std::cout << std::format(
      "  {:<7} {:>9} first (loading {:>8}), {:>9} warm   {} - {}", platform, human_time(timing.first.total_time),
      human_time(timing.first.total_time - timing.first.processing_time), human_time(timing.warm),
      timing.first.adapter_info, timing.first.is_real_hardware ? "real hardware" : "software adapter, not a GPU");
  if (worst >= 0) std::cout << std::format(", differs from the CPU by {:.1e} at most", worst);
  std::cout << '\n';
}

double worst_difference(const Vectors& a, const Vectors& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].size(); ++j) worst = std::max(worst, std::abs(double{a[i][j]} - b[i][j]));
  }
  return worst;
}

Result<> demo(Engine& engine, const std::string& model, const std::vector<std::string>& texts) {
  std::vector<Content> inputs;
  for (const std::string& text : texts) inputs.push_back(Text{text});
  const auto plan = engine.explain(model, inputs);
  if (!plan) return std::unexpected(plan.error());
  const auto cpu = measure(engine, model, inputs, "cpu");
  if (!cpu) return std::unexpected(cpu.error());
  std::cout << std::format(
      "{}  {}\n  bytes    from the {} ({}), each compared with its CID; found, read and verified in {}\n", model,
      cpu->first.cid, cpu->first.ipfs_source == "cache" ? "store" : cpu->first.ipfs_source,
      cpu->first.ipfs_cache_hit ? "already there" : "added just now", human_time(cpu->first.ipfs_load_time / 1e3));
  std::cout << plan_lines(Json::parse(*plan));
  if (kind_of(cpu->first.answers[0]) != AnswerKind::kEmbedding) {
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument, model + " is no embedding model; demo shows similarities"});
  }
  const Vectors vectors = vectors_of(cpu->first);
  print_similarity(texts, vectors);
  std::cout << std::format("\n  timings  ({} texts, median of {})\n", inputs.size(), kWarmRuns);
  print_timing("cpu", *cpu, -1);
  // The first time on a device its driver compiles every shader, which takes a while on software adapters.
  if (::isatty(STDERR_FILENO)) std::cerr << "  webgpu  compiling shaders ...\r" << std::flush;
  const auto gpu = measure(engine, model, inputs, "webgpu");
  if (::isatty(STDERR_FILENO)) std::cerr << "\033[K" << std::flush;
  if (!gpu) {
    std::cout << std::format("  {:<7} {}\n", "webgpu", gpu.error().message);
    return {};
  }
  const double worst = worst_difference(vectors, vectors_of(gpu->first));
  print_timing("webgpu", *gpu, worst);
  if (worst > 1e-3) {
    return std::unexpected(Error{ErrorCode::kSelfCheckFailed, std::format("webgpu and cpu disagree by {:.1e}", worst)});
  }
  return {};
}

}  // namespace

void add_demo_command(CLI::App& app, Context& context) {
  auto model = std::make_shared<std::string>();
  auto texts = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("demo", "show an embedding model on every native backend");
  command->add_option("MODEL", *model, "CID, registered name or folder")->required();
  command->add_option("TEXT", *texts, "texts to compare")->required();
  command->callback([&context, model, texts] {
    context.action = [&context, model, texts] {
      return with_engine(context, [&](Engine& engine) { return demo(engine, *model, *texts); });
    };
  });
}

}  // namespace ipfs_accelerate::cli
