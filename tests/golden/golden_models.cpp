// golden_models DIR: every model folder below DIR against its recorded outputs. A line per model; exit 0 when all pass.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "golden/golden_model.h"

namespace {

using namespace ipfs_accelerate;
namespace fs = std::filesystem;

/// Folders with a golden.json: DIR itself, or those in it. An entry of `only` is a name or a prefix of names.
std::vector<fs::path> model_folders(const fs::path& dir, const std::vector<std::string>& only) {
  std::vector<fs::path> folders;
  if (fs::exists(dir / "golden.json")) {
    folders.push_back(dir);
  } else {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dir, error)) {
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

bool check(const fs::path& folder, const Devices& devices) {
  const std::string name = folder.filename().string();
  const auto report = check_golden(folder, devices);
  if (!report) {
    std::cout << std::format("{:24} FAILED  {}: {}\n", name, error_name(report.error().code), report.error().message);
    return false;
  }
  std::cout << std::format("{:24} {}  {} cases, worst error {:.2e} ({}), cosine {:.7f}, ids {}{}\n", name,
                           report->failures.empty() ? "ok    " : "FAILED", report->cases, report->worst_error,
                           report->worst_output, report->worst_cosine, report->ids_equal ? "equal" : "DIFFER",
                           report->declined_nodes ? std::format(", {} nodes on the CPU", report->declined_nodes) : "");
  for (const std::string& failure : report->failures) std::cout << "    " << failure << "\n";
  return report->failures.empty();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs recorded models and compares every hidden state and output"};
  fs::path dir;
  std::string backend = "cpu";
  std::vector<std::string> only;
  int precision = 32;
  app.add_option("DIR", dir, "folder of model folders, each with golden.json")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--backend", backend, "cpu, webgpu, or reference (plain loops in double precision)");
  app.add_option("--only", only, "names or prefixes, comma-separated")->delimiter(',');
  app.add_option("--precision", precision, "32, or 16 with wider bounds")->check(CLI::IsMember({16, 32}));
  CLI11_PARSE(app, argc, argv);
  const auto devices = Devices::open(backend, precision);
  if (!devices) {
    std::cout << error_name(devices.error().code) << ": " << devices.error().message << "\n0 passed, 1 failed\n";
    return 1;
  }
  if (const Backend* used = devices->preferred()) std::cout << "on " << used->device().name << "\n";
  std::size_t passed = 0, failed = 0;
  const std::vector<fs::path> folders = model_folders(dir, only);
  if (folders.empty()) std::cout << "no model folder matches\n";
  for (const fs::path& folder : folders) ++(check(folder, *devices) ? passed : failed);
  std::cout << passed << " passed, " << failed << " failed" << std::endl;
  return failed == 0 && passed > 0 ? 0 : 1;
}
