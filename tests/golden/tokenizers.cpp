// golden_tokenizers DIR [--only NAMES]: checks tokenizers against recorded results.
// DIR has one folder per tokenizer with tokenizer.json and cases.json. Counted are tokenizers: one passes when every
// case does.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "golden/tokenizer_cases.h"

namespace {

using namespace ipfs_accelerate;

std::vector<std::string> split_names(const std::string& list) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    if (comma > at) names.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return names;
}

bool is_chosen(const std::string& name, const std::vector<std::string>& only) {
  return only.empty() || std::ranges::any_of(only, [&](const std::string& prefix) { return name.starts_with(prefix); });
}

// Prints the tokenizer's line; true when every case passed.
bool check(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  const auto report = golden::run_tokenizer_cases(folder);
  if (!report) {
    std::cout << name << ": failed: " << report.error().message << "\n";
    return false;
  }
  std::cout << name << ": " << report->cases << " cases, " << report->failed << " failed";
  if (report->failed) std::cout << "; first: " << report->first_difference;
  std::cout << "\n";
  return report->failed == 0 && report->cases > 0;
}

int usage() {
  std::cerr << "usage: golden_tokenizers DIR [--only NAME_OR_PREFIX,...]\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::string directory, only;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--only" && i + 1 < argc) {
      only = argv[++i];
    } else if (directory.empty() && !argument.starts_with("--")) {
      directory = argument;
    } else {
      return usage();
    }
  }
  if (directory.empty()) return usage();
  std::vector<std::filesystem::path> folders;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.is_directory() && is_chosen(entry.path().filename().string(), split_names(only)))
      folders.push_back(entry.path());
  }
  if (error) {
    std::cerr << "cannot read " << directory << ": " << error.message() << "\n";
    return 2;
  }
  std::ranges::sort(folders);
  std::size_t passed = 0;
  for (const auto& folder : folders) passed += check(folder);
  std::cout << passed << " passed, " << folders.size() - passed << " failed\n";
  return !folders.empty() && passed == folders.size() ? 0 : 1;
}
