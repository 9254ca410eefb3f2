// Walking a folder without following links.
#include "store/tree.h"

#include <algorithm>
#include <cerrno>

#include "store/os.h"

namespace ipfs_accelerate::store {
namespace {

struct Step {
  fs::path path;
  std::string shown;
  std::size_t node;
  int depth;
};

std::unexpected<Error> scan_error(const std::error_code& error, const fs::path& path) {
  errno = error.value();
  return os_error("reading", path);
}

Result<std::vector<std::string>> names_in(const fs::path& folder, bool hidden) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (hidden || !name.starts_with('.')) names.push_back(std::move(name));
  }
  if (error) return scan_error(error, folder);
  std::ranges::sort(names);
  return names;
}

class Scan {
 public:
  explicit Scan(const AddOptions& options) : options_(options) {}

  Result<Tree> run(const fs::path& path) {
    // What the user names may itself be a link; links below it stay links.
    IA_TRY(add(path, path.filename().string(), "", fs::status(path, error_), 0));
    while (!steps_.empty()) {
      const Step step = std::move(steps_.back());
      steps_.pop_back();
      IA_TRY(open_folder(step));
    }
    return std::move(tree_);
  }

 private:
  Result<> open_folder(const Step& step) {
    if (step.depth > kMaxFolderDepth) {
      return fail(ErrorCode::kLimitExceeded, "{} is deeper than {} folders", step.path.string(), kMaxFolderDepth);
    }
    if (options_.cancel.stop_requested()) return fail(ErrorCode::kCancelled, "adding was cancelled");
    IA_ASSIGN(const auto names, names_in(step.path, options_.hidden));
    for (const std::string& name : names) {
      const fs::path path = step.path / name;
      tree_.nodes[step.node].children.push_back(tree_.nodes.size());
      const std::string shown = step.shown.empty() ? name : step.shown + "/" + name;
      IA_TRY(add(path, name, shown, fs::symlink_status(path, error_), step.depth + 1));
    }
    return {};
  }

  Result<> add(const fs::path& path, std::string name, std::string shown, fs::file_status status, int depth) {
    if (error_ && status.type() != fs::file_type::not_found) return scan_error(error_, path);
    TreeNode node{.name = std::move(name)};
    switch (status.type()) {
      case fs::file_type::regular: {
        const std::uint64_t size = fs::file_size(path, error_);
        if (error_) return scan_error(error_, path);
        node.file = tree_.files.size();
        tree_.files.push_back({path, shown.empty() ? node.name : shown, size});
        tree_.bytes += size;
        break;
      }
      case fs::file_type::directory:
        node.type = EntryType::kDirectory;
        steps_.push_back({path, shown, tree_.nodes.size(), depth});
        break;
      case fs::file_type::symlink:
        node.type = EntryType::kSymlink;
        node.target = fs::read_symlink(path, error_).string();
        if (error_) return scan_error(error_, path);
        break;
      case fs::file_type::not_found: return fail(ErrorCode::kNotFound, "there is no {}", path.string());
      default: return fail(ErrorCode::kInvalidArgument, "{} is no file, folder or symbolic link", path.string());
    }
    tree_.nodes.push_back(std::move(node));
    return {};
  }

  const AddOptions& options_;
  std::error_code error_;
  Tree tree_;
  std::vector<Step> steps_;
};

}  // namespace

Result<Tree> scan(const fs::path& path, const AddOptions& options) { return Scan(options).run(path); }

}  // namespace ipfs_accelerate::store
