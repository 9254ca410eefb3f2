#include "host/native/catalog.h"

namespace ipfs_accelerate::host {
namespace {

Result<Located> find(Library& library, const std::string& model, const Stop& stop) {
  auto path = library.locate(model);
  if (path) return Located{*std::move(path), true};
  const bool could_be_path = path.error().code == ErrorCode::kNotFound || path.error().code == ErrorCode::kInvalidCid;
  std::error_code error;
  if (could_be_path && std::filesystem::is_directory(model, error)) {
    if (!std::filesystem::exists(std::filesystem::path(model) / "config.json", error)) {
      return fail(ErrorCode::kNotFound, "the folder {} is no model: it has no config.json", model);
    }
    bool was_here = true;
    IA_ASSIGN(const content::Cid cid, library.add_folder(model, was_here, stop));
    return Located{cid.text(), was_here};
  }
  if (could_be_path && std::filesystem::exists(model, error)) {
    return fail(ErrorCode::kInvalidArgument, "{} is a file; a model is a folder with config.json and its weights",
                model);
  }
  return std::unexpected(std::move(path).error());
}

}  // namespace

Async<Located> NativeCatalog::locate(std::string model, Stop stop) {
  const Turns::Turn turn = co_await turns_.take(stop);
  co_return co_await lane_.call<Located>([&] { return find(library_, model, stop); });
}

}  // namespace ipfs_accelerate::host
