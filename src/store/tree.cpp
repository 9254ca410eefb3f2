// Walking a folder; links are followed only when asked for, and never in a circle.
#include "store/tree.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include "content/directory.h"
#include "store/os.h"

namespace ipfs_accelerate::store {
namespace {

// The folders that one stands in, by inode, to notice a link back into one of them.
struct Ancestor {
  std::uint64_t device, inode;
  std::shared_ptr<const Ancestor> above;
};

struct Step {
  fs::path path;
  std::string shown;
  std::size_t node;
  int depth;
  std::shared_ptr<const Ancestor> above;
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
    // What the user names may itself be a link; links below it stay links unless they are to be followed.
    IA_TRY(add(path, path.filename().string(), "", fs::status(path, error_), 0, {}));
    while (!steps_.empty()) {
      const Step step = std::move(steps_.back());
      steps_.pop_back();
      IA_TRY(open_folder(step));
    }
    return std::move(tree_);
  }

 private:
  Result<> open_folder(const Step& step) {
    if (step.depth > content::kMaxFolderDepth) {
      return fail(ErrorCode::kLimitExceeded, "{} is deeper than {} folders", step.path.string(),
                  content::kMaxFolderDepth);
    }
    if (options_.stop.requested()) return fail(ErrorCode::kCancelled, "adding was cancelled");
    IA_ASSIGN(const auto here, inside(step));
    IA_ASSIGN(const auto names, names_in(step.path, options_.hidden));
    for (const std::string& name : names) {
      const fs::path path = step.path / name;
      tree_.nodes[step.node].children.push_back(tree_.nodes.size());
      const std::string shown = step.shown.empty() ? name : step.shown + "/" + name;
      IA_TRY(add(path, name, shown, fs::symlink_status(path, error_), step.depth + 1, here));
    }
    return {};
  }

  // Only links make circles, so without them nobody needs to look.
  Result<std::shared_ptr<const Ancestor>> inside(const Step& step) const {
    if (!options_.dereference) return {};
    struct stat status;
    if (::stat(step.path.c_str(), &status) != 0) return os_error("reading the state of", step.path);
    for (const Ancestor* folder = step.above.get(); folder; folder = folder->above.get()) {
      if (folder->device == status.st_dev && folder->inode == status.st_ino) {
        return fail(ErrorCode::kInvalidArgument, "{} leads back into a folder that it stands in; remove this link",
                    step.path.string());
      }
    }
    return std::make_shared<const Ancestor>(status.st_dev, status.st_ino, step.above);
  }

  Result<fs::file_status> follow(const fs::path& path) {
    const fs::file_status status = fs::status(path, error_);
    if (error_ == std::errc::too_many_symbolic_link_levels)
      return fail(ErrorCode::kInvalidArgument, "symbolic link {} points to itself through others", path.string());
    if (error_ && status.type() != fs::file_type::not_found) return scan_error(error_, path);
    if (status.type() == fs::file_type::not_found) {
      std::error_code ignored;
      return fail(ErrorCode::kNotFound, "symbolic link {} points to {}, which is not there", path.string(),
                  fs::read_symlink(path, ignored).string());
    }
    if (status.type() == fs::file_type::directory && ++folder_links_ > content::kMaxFolderLinks) {
      return fail(ErrorCode::kLimitExceeded, "more than {} symbolic links to folders; the last is {}",
                  content::kMaxFolderLinks, path.string());
    }
    return status;
  }

  Result<> add(const fs::path& path, std::string name, std::string shown, fs::file_status status, int depth,
               std::shared_ptr<const Ancestor> above) {
    if (error_ && status.type() != fs::file_type::not_found) return scan_error(error_, path);
    const bool follows = options_.dereference && status.type() == fs::file_type::symlink;
    if (follows) {
      IA_ASSIGN(status, follow(path));
    }
    TreeNode node{.name = std::move(name)};
    switch (status.type()) {
      case fs::file_type::regular: {
        const std::uint64_t size = fs::file_size(path, error_);
        if (error_) return scan_error(error_, path);
        node.file = tree_.files.size();
        tree_.files.push_back({path, shown.empty() ? node.name : shown, size, follows});
        tree_.bytes += size;
        break;
      }
      case fs::file_type::directory:
        node.type = EntryType::kDirectory;
        steps_.push_back({path, shown, tree_.nodes.size(), depth, std::move(above)});
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
  int folder_links_ = 0;
};

}  // namespace

Result<Tree> scan(const fs::path& path, const AddOptions& options) { return Scan(options).run(path); }

}  // namespace ipfs_accelerate::store
