// golden_models DIR...: every model folder below DIR (recorded models, and the shipped ones of zoo/) against what was
// recorded, in two halves between which an engine answers: `--calls` prints the calls, a JSON line each; `--answers
// FILE` judges the answers, in the same order. A line per model; exit 0 when all pass.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>

#include "golden/golden_model.h"
#include "golden/shipped_model.h"

namespace {

using namespace ipfs_accelerate;
using Json = nlohmann::json;
namespace fs = std::filesystem;

using Names = std::vector<std::string>;

/// What is to be said of a model: a line, the same as JSON, and what was not as recorded.
struct Verdict {
  std::string line;
  Json facts;
  std::vector<std::string> failures;
};
/// A model that can be judged.
struct Model {
  std::vector<Json> calls;
  std::function<Verdict(std::span<const Json> answers)> judge;
};

Verdict verdict_of(GoldenReport report) {
  std::string line =
      std::format("{} cases, worst error {:.2e} ({}), cosine {:.7f}, ids {}{}", report.cases, report.worst_error,
                  report.worst_output, report.worst_cosine, report.ids_equal ? "equal" : "DIFFER",
                  report.declined_nodes ? std::format(", {} nodes on the CPU", report.declined_nodes) : "");
  Json facts = {{"cases", report.cases},
                {"worst_error", report.worst_error},
                {"worst_cosine", report.worst_cosine},
                {"ids_equal", report.ids_equal}};
  return {std::move(line), std::move(facts), std::move(report.failures)};
}

Verdict verdict_of(ShippedReport report) {
  std::string line =
      std::format("{} {:.4f} (reference {:.4f}), same answers {}/{}, golden worst error {:.1e}", report.metric,
                  report.value, report.reference, report.same, report.answers, report.worst_error);
  Json facts = {{"metric", report.metric},     {"value", report.value},     {"reference", report.reference},
                {"same_answers", report.same}, {"answers", report.answers}, {"golden_worst_error", report.worst_error}};
  return {std::move(line), std::move(facts), std::move(report.failures)};
}

template <class Kind>
Result<Model> open_as(const fs::path& folder, const GoldenOptions& options) {
  IA_ASSIGN(const Kind opened, Kind::open(folder, options));
  return Model{opened.calls(), [opened](std::span<const Json> answers) { return verdict_of(opened.judge(answers)); }};
}

Result<Model> open_model(const fs::path& folder, const GoldenOptions& options) {
  return Shipped::is_one(folder) ? open_as<Shipped>(folder, options) : open_as<Golden>(folder, options);
}

/// Folders with a golden.json: DIR itself, or those in it. An entry of `only` is a name or a prefix of names.
std::vector<fs::path> model_folders(const std::vector<fs::path>& dirs, const Names& only) {
  std::vector<fs::path> folders;
  for (const fs::path& dir : dirs) {
    if (fs::exists(dir / "golden.json")) folders.push_back(fs::absolute(dir));
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(fs::absolute(dir), error)) {
      if (fs::exists(entry.path() / "golden.json") && fs::exists(entry.path() / "config.json")) {
        folders.push_back(entry.path());
      }
    }
  }
  std::erase_if(folders, [&](const fs::path& folder) {
    const std::string name = folder.filename().string();
    return !only.empty() && std::ranges::none_of(only, [&](const std::string& o) { return name.starts_with(o); });
  });
  std::ranges::sort(folders);
  return folders;
}

/// A JSON value per line; what is no JSON becomes null, and is judged as no answer.
std::vector<Json> read_answers(const std::string& file) {
  std::ifstream opened;
  if (file != "-") opened.open(file);
  std::istream& in = file == "-" ? std::cin : opened;
  std::vector<Json> answers;
  for (std::string line; std::getline(in, line);) {
    const Json answer = Json::parse(line, nullptr, false);
    answers.push_back(answer.is_discarded() ? Json() : answer);
  }
  return answers;
}

void print_verdict(const std::string& name, Verdict verdict, bool json) {
  const bool passed = verdict.failures.empty();
  if (json) {
    verdict.facts.update({{"model", name}, {"passed", passed}, {"failures", verdict.failures}});
    std::cout << verdict.facts.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    return;
  }
  std::cout << std::format("{:26} {}  {}\n", name, passed ? "ok    " : "FAILED", verdict.line);
  for (const std::string& failure : verdict.failures) std::cout << "    " << failure << "\n";
}

struct Count {
  std::size_t passed = 0, failed = 0;
};

/// A shipped model without a judge waits for its architecture, unless it is asked for by its whole name.
Count judge(const std::vector<Result<Model>>& models, const std::vector<fs::path>& folders,
            const std::vector<Json>& answers, const Names& asked, bool json) {
  Count count;
  std::span<const Json> left = answers;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const std::string name = folders[i].filename().string();
    if (!models[i]) {
      const Error& error = models[i].error();
      const bool waits = error.code == ErrorCode::kUnknownTask && std::ranges::find(asked, name) == asked.end();
      if (waits) {
        if (!json) std::cout << std::format("{:26} waits for its architecture\n", name);
        continue;
      }
      ++count.failed;
      print_verdict(name, {"", Json::object(), {error.message}}, json);
      continue;
    }
    const std::span<const Json> mine = left.first(std::min(models[i]->calls.size(), left.size()));
    Verdict verdict = models[i]->judge(mine);
    ++(verdict.failures.empty() ? count.passed : count.failed);
    print_verdict(name, std::move(verdict), json);
    left = left.subspan(mine.size());
  }
  if (!left.empty()) {
    ++count.failed;
    std::cout << std::format("{} answers belong to no call\n", left.size());
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The calls of recorded models, and the judge of their answers: every hidden state and output"};
  std::vector<fs::path> dirs;
  std::string answers;
  GoldenOptions options;
  Names only;
  bool calls = false, json = false;
  app.add_option("DIR", dirs, "folders of model folders, each with golden.json")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--platform", options.platform, "what the calls ask for: cpu, webgpu, webnn");
  app.add_option("--only", only, "names or prefixes, comma-separated")->delimiter(',');
  app.add_option("--precision", options.precision, "32, or 16 with wider bounds")->check(CLI::IsMember({16, 32}));
  app.add_flag("--json", json, "a JSON line per model that was judged");
  auto* print = app.add_flag("--calls", calls, "print the calls, one a line");
  app.add_option("--answers", answers, "judge the answers in this file, one a line; - for standard input")
      ->excludes(print);
  CLI11_PARSE(app, argc, argv);
  const std::vector<fs::path> folders = model_folders(dirs, only);
  std::vector<Result<Model>> models;
  for (const fs::path& folder : folders) models.push_back(open_model(folder, options));
  if (calls) {
    for (const auto& model : models) {
      if (!model) continue;  // said when it is judged
      for (const Json& call : model->calls) std::cout << call.dump() << "\n";
    }
    return 0;
  }
  if (folders.empty()) std::cout << "no model folder matches\n";
  const Count count = judge(models, folders, read_answers(answers.empty() ? "-" : answers), only, json);
  std::cout << count.passed << " passed, " << count.failed << " failed" << std::endl;
  return count.failed == 0 && count.passed > 0 ? 0 : 1;
}
