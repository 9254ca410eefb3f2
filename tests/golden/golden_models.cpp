// golden_models DIR: every model folder below DIR against its recorded outputs, in two halves between which an engine
// answers: `--calls` prints the calls, a JSON line each; `--answers FILE` judges the answers, in the same order. A line
// per model; exit 0 when all pass.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>

#include "golden/golden_model.h"

namespace {

using namespace ipfs_accelerate;
using Json = nlohmann::json;
namespace fs = std::filesystem;

/// Folders with a golden.json: DIR itself, or those in it. An entry of `only` is a name or a prefix of names.
std::vector<fs::path> model_folders(const fs::path& dir, const std::vector<std::string>& only) {
  std::vector<fs::path> folders;
  if (fs::exists(dir / "golden.json")) {
    folders.push_back(fs::absolute(dir));
  } else {
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

bool print_report(const std::string& name, const GoldenReport& report) {
  std::cout << std::format("{:24} {}  {} cases, worst error {:.2e} ({}), cosine {:.7f}, ids {}{}\n", name,
                           report.failures.empty() ? "ok    " : "FAILED", report.cases, report.worst_error,
                           report.worst_output, report.worst_cosine, report.ids_equal ? "equal" : "DIFFER",
                           report.declined_nodes ? std::format(", {} nodes on the CPU", report.declined_nodes) : "");
  for (const std::string& failure : report.failures) std::cout << "    " << failure << "\n";
  return report.failures.empty();
}

/// How many passed.
std::size_t judge(const std::vector<Result<Golden>>& models, const std::vector<fs::path>& folders,
                  const std::vector<Json>& answers) {
  std::size_t passed = 0;
  std::span<const Json> left = answers;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const std::string name = folders[i].filename().string();
    if (!models[i]) {
      std::cout << std::format("{:24} FAILED  {}\n", name, models[i].error().message);
      continue;
    }
    const std::size_t count = std::min(models[i]->calls().size(), left.size());
    passed += print_report(name, models[i]->judge(left.first(count)));
    left = left.subspan(count);
  }
  if (!left.empty()) std::cout << std::format("{} answers belong to no call\n", left.size());
  return left.empty() ? passed : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The calls of recorded models, and the judge of their answers: every hidden state and output"};
  fs::path dir;
  std::string answers;
  GoldenOptions options;
  std::vector<std::string> only;
  bool calls = false;
  app.add_option("DIR", dir, "folder of model folders, each with golden.json")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--platform", options.platform, "what the calls ask for: cpu, webgpu, webnn");
  app.add_option("--only", only, "names or prefixes, comma-separated")->delimiter(',');
  app.add_option("--precision", options.precision, "32, or 16 with wider bounds")->check(CLI::IsMember({16, 32}));
  auto* print = app.add_flag("--calls", calls, "print the calls, one a line");
  app.add_option("--answers", answers, "judge the answers in this file, one a line; - for standard input")
      ->excludes(print);
  CLI11_PARSE(app, argc, argv);
  const std::vector<fs::path> folders = model_folders(dir, only);
  std::vector<Result<Golden>> models;
  for (const fs::path& folder : folders) models.push_back(Golden::open(folder, options));
  if (calls) {
    for (const auto& model : models) {
      if (!model) continue;  // said when it is judged
      for (const Json& call : model->calls()) std::cout << call.dump() << "\n";
    }
    return 0;
  }
  if (folders.empty()) std::cout << "no model folder matches\n";
  const std::size_t passed = judge(models, folders, read_answers(answers.empty() ? "-" : answers));
  std::cout << passed << " passed, " << folders.size() - passed << " failed" << std::endl;
  return passed == folders.size() && passed > 0 ? 0 : 1;
}
