// Opening the store for reading and writing, and finding content by CID or name.
#include "host/native/library.h"

#include <thread>

#include "content/name.h"

namespace ipfs_accelerate {
namespace fs = std::filesystem;
namespace {

using store::Store;

constexpr std::chrono::milliseconds kLook{20};  // between looks at a lock, and at whether the caller asked to stop

thread_local const Library* told_of = nullptr;

}  // namespace

TellingOfWrite::TellingOfWrite(const Library& library) : outer_(std::exchange(told_of, &library)) {}
TellingOfWrite::~TellingOfWrite() { told_of = outer_; }

Result<> Library::check_may_write() const {
  if (told_of != this) return {};
  return fail(ErrorCode::kInvalidArgument,
              "a progress callback of `add` may not change the store or run a model: `add` would never end");
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
    IA_TRY(open_for_writing({}));  // makes it, and lets go
    opened = Store::open(root, Store::Mode::kReadOnly);
  }
  if (!opened) return std::unexpected(opened.error());
  reader_ = *std::move(opened);
  return reader_;
}

Result<> Library::set_name(const std::string& name, const std::string& cid) {
  IA_TRY(check_may_write());
  const std::lock_guard lock(write_mutex_);
  return names_.set(name, cid);
}

Result<> Library::forget_names(const std::string& cid) {
  IA_TRY(check_may_write());
  const std::lock_guard lock(write_mutex_);
  return names_.forget_cid(cid);
}

Result<std::unique_lock<std::timed_mutex>> Library::lock_for_writing(const Stop& stop) {
  IA_TRY(check_may_write());
  std::unique_lock lock(write_mutex_, std::defer_lock);
  do {
    IA_TRY(stop.check());
  } while (!lock.try_lock_for(kLook));
  return lock;
}

Result<std::shared_ptr<Store>> Library::open_for_writing(const Stop& stop) {
  const auto deadline = std::chrono::steady_clock::now() + lock_patience_;
  while (true) {
    auto store = Store::open(home_ / "store", Store::Mode::kReadWrite);
    const bool locked = !store && store.error().code == ErrorCode::kStoreLocked;
    if (!locked || std::chrono::steady_clock::now() > deadline) return store;
    IA_TRY(stop.check());
    std::this_thread::sleep_for(kLook);
  }
}

Result<std::string> Library::locate(const std::string& content) {
  IA_ASSIGN(const content::Name name, content::parse_name(content));
  if (name.cid) return name.text;
  const std::string& text = name.text;
  IA_ASSIGN(const auto names, names_.all());
  for (std::size_t end = text.size(); end != std::string::npos && end > 0; end = text.rfind('/', end - 1)) {
    if (const auto found = names.find(text.substr(0, end)); found != names.end())
      return found->second + text.substr(end);
  }
  if (text.starts_with("Qm") || text.starts_with("baf")) {  // meant as a CID: what is wrong with it helps more
    return std::unexpected(Cid::parse(text.substr(0, text.find('/'))).error());
  }
  return fail(ErrorCode::kNotFound, "'{}' is no CID, no registered name and no folder", text);
}

Result<Cid> Library::add_folder(const fs::path& folder, bool& was_here, const Stop& stop) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);  // a link given as the model means what it points to
  if (error) return fail(ErrorCode::kIo, "cannot open {}: {}", folder.string(), error.message());
  const auto add = [&](const std::shared_ptr<Store>& store) -> Result<Cid> {
    store::AddOptions options;
    options.stop = stop;
    options.reference = true;
    options.dereference = true;  // a hub's cache folder holds links to its blobs
    options.pin = false;
    IA_ASSIGN(const store::Stat before, store->stat());
    IA_ASSIGN(const auto added, store->add(real, options));
    IA_ASSIGN(const store::Stat after, store->stat());
    was_here = before.files == after.files && before.blocks == after.blocks;
    return added.root;
  };
  return write<Cid>(add, stop);
}

}  // namespace ipfs_accelerate
