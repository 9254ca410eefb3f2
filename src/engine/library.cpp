// Finding content by CID, name or folder, and fetching what is missing.
#include "engine/library.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "content/unixfs.h"
#include "engine/pipeline.h"
#include "weights/weights.h"

namespace ipfs_accelerate {
namespace fs = std::filesystem;
namespace {

using store::Store;

constexpr std::chrono::seconds kLockPatience{10};  // programs that share a store wait for each other's short writes

/// "ipfs://X" and "/ipfs/X" -> "X", trailing slashes cut.
std::string bare(std::string text) {
  for (const std::string_view prefix : {"ipfs://", "/ipfs/"}) {
    if (text.starts_with(prefix)) {
      text.erase(0, prefix.size());
      break;
    }
  }
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

Result<std::vector<std::shared_ptr<fetch::Source>>> sources_of(const FetchConfig& config) {
  const fetch::GatewayOptions options{
      .allow_local = config.allow_local_gateways,
      .stall_timeout = std::chrono::seconds(std::clamp(config.gateway_timeout, 1, 3600))};
  std::vector<std::shared_ptr<fetch::Source>> sources;
  for (const std::string& url : config.gateways) {
    IA_ASSIGN(auto source, fetch::gateway(url, options));
    sources.push_back(std::move(source));
  }
  return sources;
}

std::unexpected<Error> not_here(const std::string& path) {
  return fail(ErrorCode::kNoSource,
              "{} is not in the store, and no source was given; add it, or name a gateway that has it", path);
}

/// The kind of the source that sent most of the bytes.
std::string main_source(const std::vector<fetch::SourceStats>& stats) {
  const auto most = std::ranges::max_element(stats, {}, &fetch::SourceStats::bytes);
  return most == stats.end() || most->bytes == 0 ? "cache" : most->kind;
}

/// Walks folders block by block, fetching what is missing, to fetch single files of a large folder.
class ModelFetch {
 public:
  ModelFetch(std::shared_ptr<Store> store, std::vector<std::shared_ptr<fetch::Source>> sources,
             const FetchConfig& config)
      : fetcher_(std::move(store), std::move(sources)), config_(config) {}

  /// The CID of root/path; kNotFound when a folder on the way has no such entry.
  Result<Cid> find(Cid cid, std::string_view path) {
    while (!path.empty()) {
      const std::string_view name = path.substr(0, path.find('/'));
      path.remove_prefix(std::min(path.size(), name.size() + 1));
      IA_ASSIGN(cid, child(cid, name));
    }
    return cid;
  }

  /// False when the folder has no such file.
  Result<bool> fetch(const Cid& root, const std::string& path) {
    const auto cid = find(root, path);
    if (!cid && cid.error().code == ErrorCode::kNotFound) return false;
    if (!cid) return std::unexpected(cid.error());
    fetch::FetchOptions options;
    options.pin = false;
    options.progress = store_progress(config_.progress, "fetching");
    auto fetched = fetcher_.fetch_file(*cid, options);
    if (!fetched) return while_doing(fetched.error(), "fetching {}", path);
    return true;
  }

  std::vector<fetch::SourceStats> stats() const { return fetcher_.stats(); }

 private:
  Result<Cid> child(const Cid& folder, std::string_view name) {
    IA_ASSIGN(const content::Block block, fetcher_.get(folder));
    IA_ASSIGN(const content::UnixFsNode node, content::decode_unixfs(block.verified()));
    return node.type == content::UnixFsType::kHamtShard ? shard_child(node, name) : plain_child(node, folder, name);
  }

  Result<Cid> plain_child(const content::UnixFsNode& node, const Cid& folder, std::string_view name) {
    if (node.type != content::UnixFsType::kDirectory)
      return fail(ErrorCode::kNotFound, "{} is no folder", folder.text());
    const auto found = std::ranges::find(node.links, name, &content::Link::name);
    if (found == node.links.end()) return fail(ErrorCode::kNotFound, "no entry {} in {}", name, folder.text());
    return found->cid;
  }

  /// Shards are few in a model folder: all are looked through, depth first.
  Result<Cid> shard_child(const content::UnixFsNode& root, std::string_view name) {
    const std::size_t prefix = shard_prefix(root.fanout);
    std::vector<content::Link> open = root.links;
    for (std::size_t read = 0; !open.empty();) {
      const content::Link link = open.back();
      open.pop_back();
      if (link.name.size() > prefix) {
        if (std::string_view(link.name).substr(prefix) == name) return link.cid;
        continue;
      }
      if (++read > 65536) return fail(ErrorCode::kLimitExceeded, "a folder with more than 65536 shards");
      IA_ASSIGN(const content::Block block, fetcher_.get(link.cid));
      IA_ASSIGN(content::UnixFsNode shard, content::decode_unixfs(block.verified()));
      std::ranges::move(shard.links, std::back_inserter(open));
    }
    return fail(ErrorCode::kNotFound, "no entry {}", name);
  }

  static std::size_t shard_prefix(std::uint64_t fanout) { return std::format("{:X}", fanout - 1).size(); }

  fetch::Fetcher fetcher_;
  const FetchConfig& config_;
};

/// Small files first; the configuration must be one we can run before any weight is asked for.
Result<> fetch_needed(ModelFetch& fetch, const Cid& root, Store& store) {
  for (const std::string& path : wanted_files()) IA_TRY(fetch.fetch(root, path));
  IA_ASSIGN(const auto config, store.open_file(root.text() + "/config.json"));
  IA_ASSIGN(const ByteView json, config->view(0, config->size()));
  IA_TRY(default_task(as_text(json)));
  IA_ASSIGN(const bool single, fetch.fetch(root, "model.safetensors"));
  if (single) return {};
  IA_ASSIGN(const bool sharded, fetch.fetch(root, "model.safetensors.index.json"));
  if (!sharded)
    return fail(ErrorCode::kNotFound, "{} has neither model.safetensors nor model.safetensors.index.json", root.text());
  IA_ASSIGN(const auto index, store.open_file(root.text() + "/model.safetensors.index.json"));
  IA_ASSIGN(const ByteView index_json, index->view(0, index->size()));
  IA_ASSIGN(const auto names, sharded_file_names(as_text(index_json)));
  for (const std::string& name : names) {
    IA_ASSIGN(const bool found, fetch.fetch(root, name));
    if (!found)
      return fail(ErrorCode::kNotFound, "{} lists {}, which the folder lacks", "model.safetensors.index.json", name);
  }
  return {};
}

/// True when every file a run may read, and that the folder has, is here.
bool model_is_here(Store& store, const Cid& root) {
  const auto whole = store.is_complete(root.text());
  if (whole && *whole) return true;
  const auto present = [&](const std::string& path) {
    const std::string full = root.text() + "/" + path;
    const auto complete = store.is_complete(full);
    return complete && *complete;
  };
  if (!present("config.json")) return false;
  const auto entries = store.ls(root.text());
  if (!entries) return false;
  std::set<std::string> wanted;
  for (const std::string& path : wanted_files()) wanted.insert(path.substr(0, path.find('/')));
  return std::ranges::all_of(*entries, [&](const store::Entry& entry) {
    const bool needed =
        wanted.contains(entry.name) || (entry.name.starts_with("model") && entry.name.contains(".safetensors"));
    return !needed || present(entry.name);
  });
}

}  // namespace

store::ProgressCallback store_progress(const Progress& progress, std::string stage) {
  if (!progress) return {};
  return [progress, stage = std::move(stage)](const store::Progress& now) {
    progress(stage, now.bytes_done, now.bytes_total);
  };
}

std::string_view entry_type_name(store::EntryType type) {
  switch (type) {
    case store::EntryType::kDirectory: return "directory";
    case store::EntryType::kSymlink: return "symlink";
    default: return "file";
  }
}

Result<> Library::open() {
  std::error_code error;
  fs::create_directories(home_, error);
  if (error) return fail(ErrorCode::kIo, "cannot make the store's folder {}: {}", home_.string(), error.message());
  IA_TRY(names_.all());
  IA_TRY(reader());
  return {};
}

Result<std::shared_ptr<Store>> Library::reader() {
  const std::lock_guard lock(mutex_);
  if (reader_) return reader_;
  const fs::path root = home_ / "store";
  auto opened = Store::open(root, Store::Mode::kReadOnly);
  if (!opened && opened.error().code == ErrorCode::kNotFound) {
    IA_TRY(open_for_writing());  // makes it, and lets go
    opened = Store::open(root, Store::Mode::kReadOnly);
  }
  if (!opened) return std::unexpected(opened.error());
  reader_ = *std::move(opened);
  return reader_;
}

Result<> Library::set_name(const std::string& name, const std::string& cid) {
  const std::lock_guard lock(write_mutex_);
  return names_.set(name, cid);
}

Result<> Library::forget_names(const std::string& cid) {
  const std::lock_guard lock(write_mutex_);
  return names_.forget_cid(cid);
}

Result<std::shared_ptr<Store>> Library::open_for_writing() {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  while (true) {
    auto store = Store::open(home_ / "store", Store::Mode::kReadWrite);
    const bool locked = !store && store.error().code == ErrorCode::kStoreLocked;
    if (!locked || std::chrono::steady_clock::now() > deadline) return store;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Result<std::string> Library::locate(const std::string& content) {
  if (content.starts_with("hf:")) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}': names of the hf: hub are not supported; give a folder, a CID or a registered name", content);
  }
  const std::string text = bare(content);
  const std::string head = text.substr(0, text.find('/'));
  const auto cid = Cid::parse(head);
  if (cid) return cid->text() + text.substr(head.size());
  IA_ASSIGN(const auto names, names_.all());
  for (std::size_t end = text.size(); end != std::string::npos && end > 0; end = text.rfind('/', end - 1)) {
    if (const auto found = names.find(text.substr(0, end)); found != names.end())
      return found->second + text.substr(end);
  }
  if (content != text || head.starts_with("Qm") || head.starts_with("baf")) return std::unexpected(cid.error());
  return fail(ErrorCode::kNotFound, "'{}' is no CID, no registered name and no folder", content);
}

Result<std::string> Library::locate_complete(const std::string& content, const FetchConfig& config) {
  IA_ASSIGN(const std::string path, locate(content));
  if (config.gateways.empty()) return path;
  IA_ASSIGN(const auto store, reader());
  if (const auto complete = store->is_complete(path); complete && *complete) return path;
  IA_ASSIGN(auto sources, sources_of(config));
  const auto fetched = write<bool>([&](const std::shared_ptr<Store>& writable) -> Result<bool> {
    ModelFetch walk(writable, sources, config);
    const std::size_t slash = path.find('/');
    IA_ASSIGN(const Cid root, Cid::parse(path.substr(0, slash)));
    IA_ASSIGN(const Cid target,
              walk.find(root, slash == std::string::npos ? "" : std::string_view(path).substr(slash + 1)));
    fetch::Fetcher fetcher(writable, sources);
    fetch::FetchOptions options;
    options.pin = false;
    options.progress = store_progress(config.progress, "fetching");
    IA_TRY(fetcher.fetch_dag(target, options));
    IA_TRY(writable->flush());
    return true;
  });
  if (!fetched) return std::unexpected(fetched.error());
  return path;
}

Result<FoundModel> Library::add_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);  // a link given as the model means what it points to
  if (error) return fail(ErrorCode::kIo, "cannot open {}: {}", folder.string(), error.message());
  return write<FoundModel>([&](const std::shared_ptr<Store>& store) -> Result<FoundModel> {
    store::AddOptions options;
    options.reference = true;
    options.dereference = true;  // a hub's cache folder holds links to its blobs
    options.pin = false;
    IA_ASSIGN(const store::Stat before, store->stat());
    IA_ASSIGN(const auto added, store->add(real, options));
    IA_ASSIGN(const store::Stat after, store->stat());
    return FoundModel{added.root, "cache", before.files == after.files && before.blocks == after.blocks};
  });
}

Result<FoundModel> Library::fetch_model(const std::string& path, const FetchConfig& config) {
  IA_ASSIGN(auto sources, sources_of(config));
  return write<FoundModel>([&](const std::shared_ptr<Store>& store) -> Result<FoundModel> {
    ModelFetch fetch(store, sources, config);
    const std::size_t slash = path.find('/');
    IA_ASSIGN(const Cid root, Cid::parse(path.substr(0, slash)));
    IA_ASSIGN(const Cid model,
              fetch.find(root, slash == std::string::npos ? "" : std::string_view(path).substr(slash + 1)));
    const auto done = fetch_needed(fetch, model, *store);
    IA_TRY(store->flush());  // what came is kept even when the rest did not
    if (!done) return std::unexpected(done.error());
    return FoundModel{model, main_source(fetch.stats()), false};
  });
}

Result<FoundModel> Library::find_model(const std::string& model, const FetchConfig& config) {
  const auto path = locate(model);
  if (!path) {
    std::error_code error;
    const bool could_be_path = path.error().code == ErrorCode::kNotFound || path.error().code == ErrorCode::kInvalidCid;
    if (could_be_path && fs::is_directory(model, error)) return add_folder(model);
    if (could_be_path && fs::exists(model, error)) {
      return fail(ErrorCode::kInvalidArgument, "{} is a file; a model is a folder with config.json and its weights",
                  model);
    }
    return std::unexpected(path.error());
  }
  IA_ASSIGN(const auto store, reader());
  if (const auto cid = store->resolve(*path); cid && model_is_here(*store, *cid))
    return FoundModel{*cid, "cache", true};
  if (config.gateways.empty()) return not_here(*path);
  return fetch_model(*path, config);
}

}  // namespace ipfs_accelerate
