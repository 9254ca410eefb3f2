// Store::get: writing a DAG out as files, without leaving the target folder.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "store/store_impl.h"

namespace ipfs_accelerate::store {
namespace {

struct Step {
  Cid cid;
  fs::path target;
  std::string shown;
  int depth;
};

constexpr int kMaxDepth = 128;

// Where a link points, seen from the top folder, must be the top folder or below it.
bool stays_inside(std::string_view shown, std::string_view target) {
  if (target.empty() || target.starts_with('/') || target.find('\0') != target.npos) return false;
  int depth = 0;
  const auto step = [&](const fs::path& part) {
    if (part == "..") return --depth >= 0;
    if (!part.empty() && part != ".") ++depth;
    return true;
  };
  for (const auto& part : fs::path(shown).parent_path()) {
    if (!step(part)) return false;
  }
  for (const auto& part : fs::path(target)) {
    if (!step(part)) return false;
  }
  return true;
}

class Export {
 public:
  Export(Store& store, Store::Impl& impl, const ProgressCallback& progress, const Stop& stop)
      : store_(store), impl_(impl), progress_(progress), stop_(stop) {}

  Result<> run(const Cid& root, const fs::path& target) {
    for (std::vector<Step> steps{{root, target, "", 0}}; !steps.empty();) {
      const Step step = std::move(steps.back());
      steps.pop_back();
      if (stop_.requested()) return fail(ErrorCode::kCancelled, "writing {} was cancelled", target.string());
      if (++written_ > content::kMaxDirectoryEntries) {
        return fail(ErrorCode::kLimitExceeded, "more than {} entries to write", content::kMaxDirectoryEntries);
      }
      IA_TRY(write(step, steps));
    }
    for (const auto& [path, to] : links_) {  // last, so that nothing is ever written through one
      if (::symlink(to.c_str(), path.c_str()) != 0) return os_error("linking", path);
    }
    return {};
  }

 private:
  Result<> write(const Step& step, std::vector<Step>& steps) {
    IA_ASSIGN(const Entry entry, impl_.entry_of(step.cid, step.shown));
    switch (entry.type) {
      case EntryType::kFile: return write_file(step);
      case EntryType::kDirectory: return write_folder(step, steps);
      case EntryType::kSymlink: return write_link(step);
      case EntryType::kUnknown: break;
    }
    return fail(ErrorCode::kNotFound, "block {} (\"{}\") is not in the store", step.cid.text(), step.shown);
  }

  Result<> write_file(const Step& step) {
    IA_ASSIGN(File file, File::open(step.target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
    std::uint64_t at = 0;
    return store_.cat(step.cid.text(), [&](ByteView bytes) -> Result<> {
      if (stop_.requested()) return fail(ErrorCode::kCancelled, "writing was cancelled");
      IA_TRY(file.write_at(at, bytes));
      at += bytes.size();
      bytes_ += bytes.size();
      if (progress_) progress_({step.shown, bytes_, 0});
      return {};
    });
  }

  Result<> write_folder(const Step& step, std::vector<Step>& steps) {
    if (step.depth > kMaxDepth) return fail(ErrorCode::kLimitExceeded, "folders deeper than {}", kMaxDepth);
    if (::mkdir(step.target.c_str(), 0755) != 0) return os_error("creating folder", step.target);
    IA_ASSIGN(const auto listing, content::list_directory(step.cid, impl_.getter()));
    for (const content::Link& link : listing.entries) {
      if (!content::is_safe_name(link.name)) {
        return fail(ErrorCode::kMalformedBlock, "folder {} has an entry that cannot be a file name", step.cid.text());
      }
      const std::string shown = step.shown.empty() ? link.name : step.shown + "/" + link.name;
      steps.push_back({link.cid, step.target / link.name, shown, step.depth + 1});
    }
    return {};
  }

  Result<> write_link(const Step& step) {
    IA_ASSIGN(const UnixFsNode node, impl_.node(step.cid));
    std::string to(as_text(node.data));
    if (!stays_inside(step.shown, to)) {
      return fail(ErrorCode::kInvalidArgument, "symbolic link \"{}\" points outside, to \"{}\"", step.shown, to);
    }
    links_.emplace_back(step.target, std::move(to));
    return {};
  }

  Store& store_;
  Store::Impl& impl_;
  const ProgressCallback& progress_;
  const Stop& stop_;
  std::uint64_t written_ = 0, bytes_ = 0;
  std::vector<std::pair<fs::path, std::string>> links_;
};

}  // namespace

Result<> Store::get(std::string_view path, const fs::path& target, const ProgressCallback& progress, const Stop& stop) {
  IA_ASSIGN(const Cid root, impl_->resolve(path));
  std::error_code error;
  if (fs::exists(fs::symlink_status(target, error))) {
    return fail(ErrorCode::kInvalidArgument, "{} exists already; name a new path", target.string());
  }
  auto done = Export(*this, *impl_, progress, stop).run(root, target);
  if (!done) fs::remove_all(target, error);  // it was not there before
  return done;
}

}  // namespace ipfs_accelerate::store
