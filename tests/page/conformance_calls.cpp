// Every op on a backend of the page, judged here as natively: by check_conformance().
#include <algorithm>
#include <iterator>
#include <regex>
#include <set>

#include "backend/cpu/cpu.h"
#include "backend/webgpu/webgpu.h"
#include "backend/webnn/webnn.h"
#include "conformance/conformance.h"
#include "tests/page/test_calls.h"

namespace ipfs_accelerate::page {
namespace {

using Json = nlohmann::json;
using Cases = std::vector<ConformanceCase>;

/// Cases at work at once, so that a browser compiles their pipelines side by side.
constexpr std::size_t kSideBySide = 16;

struct Candidate {
  const ConformanceCase* of = nullptr;
  std::vector<webgpu::PipelineSpec> pipelines;
  std::vector<std::string> variants;  ///< one for each pipeline
};

/// For "kernels" the kernel's name; for "variants" its text without numbers: the same optional parts, whatever the
/// sizes.
std::string variant_of(const ConformanceCase& c, const webgpu::PipelineSpec& pipeline, const std::string& subset) {
  static const std::regex number("\\b[0-9][0-9a-zA-Z_.+-]*");
  return c.op + " " + (subset == "kernels" ? pipeline.label : std::regex_replace(pipeline.wgsl, number, "#"));
}

Result<std::vector<Candidate>> record_all(const Cases& cases, const webgpu::Capabilities& capabilities,
                                          const LoadOptions& options, const std::string& subset) {
  std::vector<Candidate> candidates;
  for (const ConformanceCase& c : cases) {
    IA_ASSIGN(webgpu::Recording recording, webgpu::record(c.graph, c.shape, capabilities, options));
    Candidate candidate{&c, std::move(recording.pipelines), {}};
    for (const auto& pipeline : candidate.pipelines) candidate.variants.push_back(variant_of(c, pipeline, subset));
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

/// Cases for adapters that compile slowly (SwiftShader: seconds per pipeline): the next one is always the one that
/// covers the most that is new per new pipeline.
struct Subset {
  Cases cases;
  std::set<std::string> variants, compiled;

  double worth(const Candidate& candidate) const {
    const auto missing = [](const std::set<std::string>& have, const auto& list, auto key) {
      return std::ranges::count_if(list, [&](const auto& item) { return !have.contains(key(item)); });
    };
    const auto gain = missing(variants, candidate.variants, [](const std::string& text) { return text; });
    const auto cost = missing(compiled, candidate.pipelines, [](const auto& pipeline) { return pipeline.wgsl; });
    return static_cast<double>(gain) / (1.0 + static_cast<double>(cost));
  }
  void choose(const std::vector<Candidate>& candidates) {
    for (;;) {
      const auto best =
          std::ranges::max_element(candidates, {}, [&](const Candidate& candidate) { return worth(candidate); });
      if (best == candidates.end() || worth(*best) == 0) return;
      cases.push_back(*best->of);
      variants.insert(best->variants.begin(), best->variants.end());
      for (const auto& pipeline : best->pipelines) compiled.insert(pipeline.wgsl);
    }
  }
};

/// A clock by which contexts side by side take no longer than one, or ever longer: so that both ways are tested.
std::function<double()> lanes_clock(bool worth_it) {
  return [now = 0.0, step = 1.0, worth_it]() mutable {
    step *= worth_it ? 0.9 : 1.1;
    return now += step;
  };
}

struct Opened {
  std::unique_ptr<Backend> backend, reference;
};

Async<Opened> open(host::Host& host, std::string platform, bool lanes, Stop stop) {
  Opened opened;
  opened.reference = cpu::make_backend(host.compute, 0);
  if (platform == "cpu") opened.backend = cpu::make_backend(host.compute, 0);
  if (platform == "webgpu") opened.backend = co_await webgpu::make_backend(*host.gpu, *opened.reference, nullptr, stop);
  if (platform == "webnn") {
    opened.backend =
        co_await webnn::make_backend(*host.webnn, *opened.reference, lanes_clock(lanes), webnn::kMostContexts, stop);
  }
  if (!opened.backend) co_await fail(ErrorCode::kUnknownPlatform, "no platform '{}'", platform);
  co_return std::move(opened);
}

}  // namespace

Async<Json> conformance(host::Host& host, Json json, Stop stop) {
  const std::string platform = json.value("platform", "cpu"), subset = json.value("subset", "");
  LoadOptions options;
  options.precision = json.value("precision", 32);
  Subset chosen;
  chosen.cases = conformance_cases();
  Json report{{"all", chosen.cases.size()}, {"declined", Json::array()}, {"wrong", Json::array()}};
  if (!subset.empty()) {
    const Cases all = std::exchange(chosen.cases, {});
    const webgpu::OpenedGpu gpu = co_await host.gpu->open(stop);
    chosen.choose(co_await record_all(all, gpu.capabilities, options, subset));
    report.update({{"variants", chosen.variants.size()}, {"pipelines", chosen.compiled.size()}});
  }
  const Opened opened = co_await open(host, platform, json.value("lanes", false), stop);
  std::set<std::string> kinds;
  co_await for_each_limited(chosen.cases.size(), kSideBySide, [&](std::size_t i) -> Async<> {
    co_await stop.check();
    const Outcome outcome =
        co_await check_conformance(chosen.cases[i], *opened.backend, options, json.value("scale", 1.0));
    kinds.insert(chosen.cases[i].op);
    if (!outcome.declined.empty()) report["declined"].push_back(outcome.declined);
    if (!outcome.wrong.empty()) report["wrong"].push_back(outcome.wrong);
  });
  report.update({{"ran", chosen.cases.size()}, {"kinds", kinds.size()}, {"device", opened.backend->device().name}});
  co_return report;
}

}  // namespace ipfs_accelerate::page
