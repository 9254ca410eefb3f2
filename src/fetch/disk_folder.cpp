// Walking a folder through the host's Files, which only say what is there.
#include "fetch/disk_folder.h"

#include <algorithm>
#include <memory>

#include "content/directory.h"

namespace ipfs_accelerate::fetch {
namespace {

using Kind = host::Files::Kind;

// The folders that one stands in, to notice a link back into one of them.
struct Ancestor {
  std::string real_path;
  std::shared_ptr<const Ancestor> above;
};

struct Step {
  std::string path;  // relative; empty: the folder that was given
  int depth = 0;
  std::shared_ptr<const Ancestor> above{};
};

class Walk {
 public:
  Walk(host::Files& files, std::string folder, Stop stop)
      : files_(files), folder_(std::move(folder)), stop_(std::move(stop)) {}

  Async<std::vector<DiskItem>> run() {
    steps_.push_back({});
    while (!steps_.empty()) {
      co_await stop_.check();
      Step step = std::move(steps_.back());
      steps_.pop_back();
      co_await open_folder(std::move(step));
    }
    co_return std::move(items_);
  }

 private:
  std::string full(const std::string& path) const { return path.empty() ? folder_ : folder_ + "/" + path; }

  Async<> open_folder(Step step) {
    if (step.depth > content::kMaxFolderDepth) {
      co_await fail(ErrorCode::kLimitExceeded, "{} is deeper than {} folders", full(step.path),
                    content::kMaxFolderDepth);
    }
    host::Files::Listing listing = co_await files_.list(full(step.path));
    for (const Ancestor* folder = step.above.get(); folder; folder = folder->above.get()) {
      if (folder->real_path == listing.real_path) {
        co_await fail(ErrorCode::kInvalidArgument, "{} leads back into a folder that it stands in; remove this link",
                      full(step.path));
      }
    }
    const auto here = std::make_shared<const Ancestor>(std::move(listing.real_path), step.above);
    std::erase_if(listing.items, [](const auto& item) { return item.name.starts_with('.'); });
    std::ranges::sort(listing.items, {}, &host::Files::Item::name);  // the first error is the same on every disk
    for (const host::Files::Item& item : listing.items) {
      const std::string path = step.path.empty() ? item.name : step.path + "/" + item.name;
      co_await check(item, full(path));
      const bool is_folder = item.kind == Kind::kFolder;
      items_.push_back({path, is_folder, item.size});
      if (is_folder) steps_.push_back({path, step.depth + 1, here});
    }
  }

  Result<> check(const host::Files::Item& item, const std::string& path) {
    const bool is_link = !item.link_target.empty();
    switch (item.kind) {
      case Kind::kFile: return {};
      case Kind::kFolder:
        if (!is_link || ++folder_links_ <= content::kMaxFolderLinks) return {};
        return fail(ErrorCode::kLimitExceeded, "more than {} symbolic links to folders; the last is {}",
                    content::kMaxFolderLinks, path);
      case Kind::kMissing:
        if (!is_link) return fail(ErrorCode::kNotFound, "there is no {}", path);
        return fail(ErrorCode::kNotFound, "symbolic link {} points to {}, which is not there", path, item.link_target);
      case Kind::kCircle:
        return fail(ErrorCode::kInvalidArgument, "symbolic link {} points to itself through others", path);
      case Kind::kUnreadable: return fail(ErrorCode::kIo, "{} cannot be read", path);
      case Kind::kOther: break;
    }
    return fail(ErrorCode::kInvalidArgument, "{} is no file, folder or symbolic link", path);
  }

  host::Files& files_;
  const std::string folder_;
  Stop stop_;
  std::vector<DiskItem> items_;
  std::vector<Step> steps_;
  int folder_links_ = 0;
};

}  // namespace

Async<std::vector<DiskItem>> walk_disk_folder(host::Files& files, std::string folder, Stop stop) {
  Walk walk(files, std::move(folder), std::move(stop));
  co_return co_await walk.run();
}

}  // namespace ipfs_accelerate::fetch
