// The facade: Engine's calls, each handed to the store or to the core over the native host.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ranges>

#include "content/car.h"
#include "content/profile.h"
#include "content/walk.h"
#include "engine/core.h"
#include "facade/run.h"
#include "fetch/sources.h"
#include "host/native/native_host.h"
#include "ipfs_accelerate/ipfs_accelerate.h"
#include "task/task.h"

namespace ipfs_accelerate {
namespace fs = std::filesystem;
namespace {

using content::Cid;

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

/// A path, followed through blocks that are here.
struct Followed {
  std::vector<Cid> blocks;  ///< read on the way, what the path names last
  std::string type;
};

std::string type_name(std::optional<content::UnixFsType> type) {
  using Type = content::UnixFsType;
  if (type == Type::kDirectory || type == Type::kHamtShard) return "directory";
  return type == Type::kSymlink ? "symlink" : "file";
}

Result<Followed> follow(std::string_view path, const content::BlockGetter& get) {
  IA_ASSIGN(content::ContentPath parsed, content::parse_path(path));
  content::PathWalk walk(std::move(parsed), true);
  IA_TRY(content::drive(walk, get));
  return Followed{walk.blocks(), type_name(walk.type())};
}

Resolved resolved_of(const Followed& found) {
  Resolved resolved{found.blocks.back().text(), {}, found.type};
  for (const Cid& cid : found.blocks) resolved.path.push_back(cid.text());
  return resolved;
}

content::CarSelection selection_of(const CarOptions& options) {
  content::CarSelection selection;
  selection.scope = options.scope == DagScope::kBlock    ? content::CarSelection::Scope::kBlock
                    : options.scope == DagScope::kEntity ? content::CarSelection::Scope::kEntity
                                                         : content::CarSelection::Scope::kAll;
  selection.entity_bytes = options.entity_bytes;
  selection.duplicates = options.duplicates;
  return selection;
}

}  // namespace

struct Engine::Impl {
  explicit Impl(std::unique_ptr<host::NativeHost> opened)
      : native(std::move(opened)), library(native->library()), core(native->host()) {}
  /// What is under way ends before the models it uses go.
  ~Impl() { native->loop().close(); }

  std::unique_ptr<host::NativeHost> native;
  Library& library;
  Core core;

  /// What runs in here may write to the store, on another thread.
  template <class T>
  Result<T> block_on(Async<T> work) {
    IA_TRY(library.check_may_write());
    return native->loop().block_on(std::move(work));
  }
  /// Blocks from the store as it is now.
  Result<content::BlockGetter> getter() {
    IA_ASSIGN(auto store, library.reader());
    return [store = std::move(store)](const Cid& cid) { return store->get_block(cid); };
  }
  /// The CID of `content`, which must be one and not a path inside it.
  Result<Cid> root_of(const std::string& content) {
    IA_ASSIGN(const std::string path, library.locate(content));
    if (path.contains('/')) {
      IA_ASSIGN(const auto store, library.reader());
      return store->resolve(path);
    }
    return Cid::parse(path);
  }
  /// Where `content` is, fetched when it is not complete here and a source is given.
  Result<std::string> locate_complete(const std::string& content, const FetchConfig& config, const Stop& stop) {
    IA_TRY(stop.check());
    for (const std::string& url : config.gateways) IA_TRY(fetch::parse_gateway(url));
    IA_ASSIGN(const std::string path, library.locate(content));
    if (config.gateways.empty()) return path;
    IA_ASSIGN(const auto store, library.reader());
    if (const auto complete = store->is_complete(path); complete && *complete) return path;
    IA_TRY(block_on(fetch_path(path, config, stop)));
    return path;
  }

 private:
  Async<> fetch_path(std::string path, FetchConfig config, Stop stop) {
    const auto fetcher = core.fetcher({config.gateways, config.allow_local_gateways,
                                       static_cast<double>(std::clamp(config.gateway_timeout, 1, 3600))});
    const auto progress = [&](std::uint64_t done, std::uint64_t total) {
      if (config.progress) config.progress("fetching", done, total);
    };
    const auto fetch_all = [&]() -> Async<> {
      const Cid target = co_await fetcher->resolve(path, stop);
      co_await fetcher->fetch_dag(target, progress, stop);
    };
    const Result<> done = co_await as_result(fetch_all());
    const Result<> flushed = co_await as_result(fetcher->flush());  // what came is kept, also after an error
    co_await done;
    co_await flushed;
  }
};

fs::path default_home() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (const std::string home = variable("IPFS_ACCELERATE_HOME"); !home.empty()) return home;
  if (const std::string data = variable("XDG_DATA_HOME"); !data.empty()) return fs::path(data) / "ipfs_accelerate";
  return fs::path(variable("HOME").empty() ? "." : variable("HOME")) / ".local/share/ipfs_accelerate";
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<Engine> Engine::open(const fs::path& home) {
  IA_ASSIGN(auto native, host::NativeHost::open(home));
  return Engine(std::make_unique<Impl>(std::move(native)));
}

Result<RunResult> Engine::accelerate(const std::string& model, const std::vector<Content>& inputs, const Config& config,
                                     const Cancel& cancel) {
  const CancelledCall call(cancel, impl_->native->loop());
  return impl_->block_on(impl_->core.run({model, config}, inputs, {}, call.stop()));
}

Run Engine::start(const std::string& model, const std::vector<Content>& inputs, const Config& config, Listener listener,
                  const Cancel& cancel) {
  host::Loop& loop = impl_->native->loop();
  loop.start_thread();  // somebody must drive while nobody waits
  const auto run = std::make_shared<Run::Impl>(loop, std::move(listener), cancel);
  if (Result<> may = impl_->library.check_may_write(); !may) {
    run->settle(std::unexpected(std::move(may).error()));
    return Run(run);
  }
  const Listener push = [run](const Event& event) { run->push(event); };
  loop.post([&executor = loop.executor(), core = &impl_->core, run, push, request = Request{model, config}, inputs] {
    ipfs_accelerate::start(executor, core->run(request, inputs, push, run->stop),
                           [run](Result<RunResult> result) { run->settle(std::move(result)); });
  });
  return Run(run);
}

Result<std::string> Engine::explain(const std::string& model, const std::vector<Content>& inputs, const Config& config,
                                    const Cancel& cancel) {
  const CancelledCall call(cancel, impl_->native->loop());
  return impl_->block_on(impl_->core.explain({model, config}, inputs, call.stop()));
}
Result<std::string> Engine::devices(const Cancel& cancel) {
  const CancelledCall call(cancel, impl_->native->loop());
  return impl_->block_on(impl_->core.devices(call.stop()));
}

Result<AddReport> Engine::add(const fs::path& path, const AddOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  if (!options.name.empty()) IA_TRY(Names::check(options.name));
  store::AddOptions wanted;
  IA_ASSIGN(wanted.profile, content::parse_profile(options.profile));
  wanted.reference = options.reference;
  wanted.dereference = options.dereference;
  wanted.hidden = options.hidden;
  if (options.progress) {
    wanted.progress = [&, tell = store_progress(options.progress, "adding")](const store::Progress& now) {
      const TellingOfWrite telling(impl_->library);
      tell(now);
    };
  }
  const CancelledCall call(options.cancel, impl_->native->loop());
  wanted.stop = call.stop();
  const auto added =
      impl_->library.write<store::Added>([&](const auto& store) { return store->add(path, wanted); }, call.stop());
  if (!added) return std::unexpected(added.error());
  AddReport report{added->root.text(), options.name, added->files, added->bytes, added->stored_bytes, 0};
  if (!options.name.empty()) IA_TRY(impl_->library.set_name(options.name, report.cid));
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

Result<std::vector<Entry>> Engine::ls(const std::string& content, const FetchConfig& fetch) {
  const CancelledCall call(fetch.cancel, impl_->native->loop());
  IA_ASSIGN(const std::string path, impl_->locate_complete(content, fetch, call.stop()));
  IA_ASSIGN(const auto store, impl_->library.reader());
  IA_ASSIGN(const auto entries, store->ls(path));
  std::vector<Entry> list;
  for (const store::Entry& entry : entries) {
    list.push_back({entry.name, entry.cid.text(), std::string(entry_type_name(entry.type)), entry.size});
  }
  return list;
}

Result<> Engine::cat(const std::string& content, const Sink& sink, const FetchConfig& fetch) {
  const CancelledCall call(fetch.cancel, impl_->native->loop());
  IA_ASSIGN(const std::string path, impl_->locate_complete(content, fetch, call.stop()));
  IA_ASSIGN(const auto store, impl_->library.reader());
  return store->cat(path, [&](ByteView bytes) -> Result<> {
    IA_TRY(call.stop().check());
    if (sink(bytes.data(), bytes.size())) return {};
    return fail(ErrorCode::kIo, "the reader of {} stopped before its end", path);
  });
}

Result<> Engine::get(const std::string& content, const fs::path& target, const FetchConfig& fetch) {
  const CancelledCall call(fetch.cancel, impl_->native->loop());
  IA_ASSIGN(const std::string path, impl_->locate_complete(content, fetch, call.stop()));
  IA_ASSIGN(const auto store, impl_->library.reader());
  return store->get(path, target, store_progress(fetch.progress, "writing"), call.stop());
}

Result<VerifyReport> Engine::verify(const std::string& content, const Cancel& cancel) {
  const CancelledCall call(cancel, impl_->native->loop());
  IA_ASSIGN(const auto store, impl_->library.reader());
  std::vector<std::string> paths;
  if (content.empty()) {
    IA_ASSIGN(const auto pins, store->pins());
    for (const store::Pin& pin : pins) paths.push_back(pin.cid.text());
  } else {
    IA_ASSIGN(paths.emplace_back(), impl_->library.locate(content));
  }
  VerifyReport report;
  for (const std::string& path : paths) {
    IA_ASSIGN(const auto part, store->verify(path, {}, call.stop()));
    report.blocks += part.blocks;
    report.bytes += part.bytes;
    for (const store::Damage& damage : part.damage) {
      report.damage.push_back(damage.error);
    }
  }
  return report;
}

Result<std::string> Engine::pin(const std::string& content, const FetchConfig& fetch) {
  const CancelledCall call(fetch.cancel, impl_->native->loop());
  IA_ASSIGN(const std::string path, impl_->locate_complete(content, fetch, call.stop()));
  const auto pin = [&](const std::shared_ptr<store::Store>& store) -> Result<std::string> {
    IA_ASSIGN(const Cid cid, store->resolve(path));
    IA_ASSIGN(const bool complete, store->is_complete(path));
    if (!complete) return fail(ErrorCode::kNotFound, "{} is not complete in the store; fetch it first", path);
    IA_TRY(call.stop().check());
    IA_TRY(store->pin(cid));
    return cid.text();
  };
  return impl_->library.write<std::string>(pin, call.stop());
}

Result<std::string> Engine::unpin(const std::string& content) {
  IA_ASSIGN(const Cid cid, impl_->root_of(content));
  return impl_->library.write<std::string>([&](const auto& store) -> Result<std::string> {
    IA_TRY(store->unpin(cid));
    return cid.text();
  });
}

Result<std::vector<std::string>> Engine::pins() {
  IA_ASSIGN(const auto store, impl_->library.reader());
  IA_ASSIGN(const auto pins, store->pins());
  std::vector<std::string> list;
  for (const store::Pin& pin : pins) list.push_back(pin.cid.text());
  return list;
}

Result<GcReport> Engine::rm(const std::string& content) {
  IA_ASSIGN(const Cid cid, impl_->root_of(content));
  const auto removed = impl_->library.write<store::GcReport>([&](const auto& store) { return store->rm(cid); });
  if (!removed) {  // what is gone from the store already may still have its names
    IA_ASSIGN(const auto names, impl_->library.names().all());
    const bool named = std::ranges::contains(names | std::views::values, cid.text());
    if (removed.error().code != ErrorCode::kNotFound || !named) return std::unexpected(removed.error());
  }
  IA_TRY(impl_->library.forget_names(cid.text()));
  if (!removed) return GcReport{};
  return GcReport{removed->files, removed->blocks, removed->bytes};
}

Result<GcReport> Engine::gc() {
  const auto removed = impl_->library.write<store::GcReport>([](const auto& store) { return store->gc(); });
  if (!removed) return std::unexpected(removed.error());
  return GcReport{removed->files, removed->blocks, removed->bytes};
}

Result<StoreStat> Engine::stat() {
  IA_ASSIGN(const auto store, impl_->library.reader());
  IA_ASSIGN(const auto stat, store->stat());
  return StoreStat{impl_->library.home().string(),
                   stat.files,
                   stat.file_bytes,
                   stat.referenced_bytes,
                   stat.blocks,
                   stat.block_bytes,
                   stat.pins,
                   stat.disk_bytes};
}

Result<std::vector<std::string>> Engine::import_car(const fs::path& file, const Cancel& cancel) {
  const CancelledCall call(cancel, impl_->native->loop());
  const auto import = [&](const std::shared_ptr<store::Store>& store) {
    return store->import_car(file, {}, call.stop());
  };
  const auto report = impl_->library.write<store::ImportReport>(import, call.stop());
  if (!report) return std::unexpected(report.error());
  std::vector<std::string> roots;
  for (const Cid& root : report->roots) roots.push_back(root.text());
  return roots;
}

Result<std::vector<NamedModel>> Engine::models() {
  IA_ASSIGN(const auto names, impl_->library.names().all());
  IA_ASSIGN(const auto store, impl_->library.reader());
  std::vector<NamedModel> models;
  for (const auto& [name, cid] : names) {
    NamedModel model{name, cid, {}, {}, {}};
    if (const auto file = store->open_file(cid + "/config.json"); file && (*file)->size() < (1u << 20)) {
      if (const auto bytes = (*file)->view(0, (*file)->size())) {
        const auto config = nlohmann::json::parse(bytes->begin(), bytes->end(), nullptr, false);
        if (const auto task = default_task(as_text(*bytes))) {
          model.task = (*task)->name;
          model.answer_kind = answer_kind_name((*task)->gives);
          model.takes = (*task)->takes.names();
        }
        if (config.is_object() && config.contains("model_type") && config["model_type"].is_string())
          model.architecture = config["model_type"];
      }
    }
    models.push_back(std::move(model));
  }
  return models;
}

Result<Resolved> Engine::resolve(const std::string& content) {
  IA_ASSIGN(const std::string path, impl_->library.locate(content));
  IA_ASSIGN(const auto get, impl_->getter());
  IA_ASSIGN(const Followed found, follow(path, get));
  return resolved_of(found);
}

Result<bool> Engine::has(const std::string& text) {
  IA_ASSIGN(const Cid cid, Cid::parse(text));
  IA_ASSIGN(const auto store, impl_->library.reader());
  return store->has_block(cid);
}

Result<std::vector<std::uint8_t>> Engine::block(const std::string& text) {
  IA_ASSIGN(const Cid cid, Cid::parse(text));
  IA_ASSIGN(const auto store, impl_->library.reader());
  IA_ASSIGN(const content::Block block, store->get_block(cid));
  return std::vector<std::uint8_t>(block.bytes().begin(), block.bytes().end());
}

struct CarStream::Impl {
  Impl(Resolved where, Cid root, content::CarWalk walk, content::BlockGetter get)
      : resolved(std::move(where)), root(std::move(root)), walk(std::move(walk)), get(std::move(get)) {}
  Resolved resolved;
  Cid root;
  content::CarWalk walk;
  content::BlockGetter get;
  bool header_sent = false;
};

CarStream::CarStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CarStream::CarStream(CarStream&&) noexcept = default;
CarStream& CarStream::operator=(CarStream&&) noexcept = default;
CarStream::~CarStream() = default;
const Resolved& CarStream::resolved() const { return impl_->resolved; }

Result<std::optional<std::vector<std::uint8_t>>> CarStream::next() {
  if (!std::exchange(impl_->header_sent, true)) return content::car_header({&impl_->root, 1});
  for (std::vector<Cid> wanted = impl_->walk.needs(); !wanted.empty(); wanted = impl_->walk.needs()) {
    IA_ASSIGN(const content::Block block, impl_->get(wanted.front()));
    IA_TRY(impl_->walk.give(block.verified()));
    if (!impl_->walk.emits()) continue;
    Bytes section = content::car_section_header(block.cid(), block.bytes().size());
    section.insert(section.end(), block.bytes().begin(), block.bytes().end());
    return section;
  }
  return std::nullopt;
}

Result<CarStream> Engine::open_car(const std::string& content, const CarOptions& options) {
  IA_ASSIGN(const std::string path, impl_->library.locate(content));
  IA_ASSIGN(const auto get, impl_->getter());
  IA_ASSIGN(const Followed found, follow(path, get));
  return CarStream(std::make_unique<CarStream::Impl>(resolved_of(found), found.blocks.back(),
                                                     content::CarWalk(found.blocks, selection_of(options)), get));
}

Result<RunResult> accelerate(const std::string& model, const std::vector<Content>& inputs, const Config& config) {
  IA_ASSIGN(Engine engine, Engine::open());
  return engine.accelerate(model, inputs, config);
}

std::string_view version() noexcept { return "0.1.0"; }

}  // namespace ipfs_accelerate
