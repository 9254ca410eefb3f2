// The ports of the scripted host: each notes its request, waits its time, and answers.
#include "scripted/scripted_host.h"

#include <algorithm>
#include <cstring>

#include "content/directory.h"
#include "content/hash.h"

namespace ipfs_accelerate::scripted {

// Origin

content::BlockSink Origin::sink() {
  return [this](const content::VerifiedBlock& block) -> Result<> {
    blocks_[block.cid().key()] = Bytes(block.bytes().begin(), block.bytes().end());
    return {};
  };
}

namespace {

Result<content::Link> build_file(const content::Profile& profile, ByteView content, const content::BlockSink& sink) {
  content::FileBuilder builder(profile, sink);
  std::size_t at = 0;
  do {
    const ByteView chunk = content.subspan(at, std::min(profile.chunk_bytes, content.size() - at));
    IA_ASSIGN(const Cid cid, content::leaf_cid(profile, chunk));
    Bytes block(chunk.begin(), chunk.end());
    if (!profile.raw_leaves) {
      const content::LeafEnvelope envelope = content::leaf_envelope(chunk.size());
      block.insert(block.begin(), envelope.before.begin(), envelope.before.end());
      block.insert(block.end(), envelope.after.begin(), envelope.after.end());
    }
    IA_ASSIGN(const auto verified, content::verify(cid, block));
    IA_TRY(sink(verified));
    IA_TRY(builder.add_leaf(cid, chunk.size()));
    at += chunk.size();
  } while (at < content.size());
  return builder.finish();
}

// Files whose paths start with `prefix`, as a folder.
Result<content::Link> build_folder(const content::Profile& profile, const Origin::Files& files,
                                   const std::string& prefix, const content::BlockSink& sink) {
  std::vector<content::Link> entries;
  std::set<std::string> folders;
  for (const auto& [path, content] : files) {
    if (!path.starts_with(prefix)) continue;
    std::string name = path.substr(prefix.size());
    if (const auto slash = name.find('/'); slash != name.npos) {
      folders.insert(name.substr(0, slash));
      continue;
    }
    IA_ASSIGN(content::Link link, build_file(profile, content, sink));
    link.name = std::move(name);
    entries.push_back(std::move(link));
  }
  for (const std::string& name : folders) {
    IA_ASSIGN(content::Link link, build_folder(profile, files, prefix + name + "/", sink));
    link.name = name;
    entries.push_back(std::move(link));
  }
  return content::build_directory(profile, std::move(entries), sink);
}

}  // namespace

Cid Origin::add_file(ByteView content, content::ProfileName profile) {
  return build_file(content::profile(profile), content, sink())->cid;
}
Cid Origin::add_folder(const Files& files, content::ProfileName profile) {
  return build_folder(content::profile(profile), files, "", sink())->cid;
}
Cid Origin::add_block(content::Codec codec, ByteView bytes) {
  const auto block = content::address(1, codec, bytes);
  (void)sink()(*block);
  return block->cid();
}
const Bytes* Origin::find(const Cid& cid) const {
  const auto found = blocks_.find(cid.key());
  return found == blocks_.end() ? nullptr : &found->second;
}
content::BlockGetter Origin::getter() const {
  return [this](const Cid& cid) -> Result<content::Block> {
    if (const Bytes* bytes = find(cid)) return content::Block::make(cid, *bytes);
    return fail(ErrorCode::kNotFound, "no block {}", cid.text());
  };
}

Bytes noise(std::size_t size, std::uint32_t seed) {
  Bytes bytes(size);
  std::uint32_t state = seed * 2654435761u + 1;
  for (std::uint8_t& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

// Bytes

namespace {

/// As a page keeps them.
class FarBytes final : public HostBytes {
 public:
  explicit FarBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::uint8_t* data() const override { return nullptr; }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }

 private:
  Bytes bytes_;
};

/// A leaf in its file.
class PlacedBytes final : public HostBytes {
 public:
  PlacedBytes(std::shared_ptr<const Bytes> file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}
  std::uint64_t size() const override { return size_; }
  const std::uint8_t* data() const override { return file_->data() + offset_; }
  void copy(std::uint64_t offset, std::span<std::uint8_t> into) const override {
    if (!into.empty()) std::memcpy(into.data(), data() + offset, into.size());
  }

 private:
  std::shared_ptr<const Bytes> file_;
  std::uint64_t offset_, size_;
};

Bytes copy_of(const HostBytes& bytes) {
  Bytes copy(static_cast<std::size_t>(bytes.size()));
  bytes.copy(0, copy);
  return copy;
}

std::string list_of(const std::vector<Cid>& cids) {
  std::string text;
  for (const Cid& cid : cids) text += " " + cid.text();
  return text;
}

std::string in_seconds(double seconds) { return std::format("{:g}", seconds); }

}  // namespace

HostBytesRef ScriptedHost::bytes(Bytes bytes) const {
  if (addressable_) return own_bytes(std::move(bytes));
  return std::make_shared<FarBytes>(std::move(bytes));
}

// Ports

struct ScriptedHost::Ports {
  struct Clock final : host::Clock {
    explicit Clock(ScriptedHost& script) : script(script) {}
    double now() override { return script.now_; }
    Async<> sleep(double seconds, Stop stop) override {
      script.trace.push_back("sleep " + in_seconds(seconds));
      return script.wait(seconds, std::move(stop));
    }
    void random(std::span<std::uint8_t> into) override {
      for (std::uint8_t& byte : into) byte = static_cast<std::uint8_t>(++last);
    }
    ScriptedHost& script;
    int last = 0;
  };

  struct Net final : host::Net {
    explicit Net(ScriptedHost& script) : script(script) {}
    Async<host::NetAnswer> get(host::NetRequest request, Stop stop) override {
      script.trace.push_back("net GET " + request.url);
      const int number = script.asked_[request.url]++;
      const Script* best = nullptr;
      std::size_t length = 0;
      for (const auto& [start, script] : script.scripts_) {
        if (!request.url.starts_with(start) || start.size() < length) continue;
        best = &script;
        length = start.size();
      }
      Answer answer = best ? (*best)(request.url, number) : Answer{.kind = Answer::Kind::kUnreachable};
      co_return co_await come(std::move(request), std::move(answer), std::move(stop));
    }
    Async<host::NetAnswer> come(host::NetRequest request, Answer answer, Stop stop) {
      const std::string& url = request.url;
      const bool stalls = answer.kind == Answer::Kind::kStall;
      double seconds = answer.seconds + (stalls ? request.stall_seconds : 0);
      const bool late = request.total_seconds > 0 && seconds > request.total_seconds;
      if (late) seconds = request.total_seconds;
      co_await script.wait(seconds, std::move(stop));
      const std::size_t half = answer.body.size() / 2;
      if (stalls || late) co_await fail(ErrorCode::kTimeout, "{} stopped sending after {} bytes", url, half);
      if (answer.kind == Answer::Kind::kUnreachable) co_await fail(ErrorCode::kUnreachable, "no connection to {}", url);
      if (answer.kind == Answer::Kind::kCutOff) {
        co_await fail(ErrorCode::kSourceError, "{} failed after {} bytes", url, half);
      }
      const bool endless = answer.kind == Answer::Kind::kEndless;
      const std::uint64_t most =
          endless && request.max_unstated > 0 ? std::min(request.max_unstated, request.max_bytes) : request.max_bytes;
      if (endless || answer.body.size() > most) {
        co_await fail(ErrorCode::kLimitExceeded, "{} sends more than {} bytes", url, most);
      }
      co_return host::NetAnswer{answer.status, script.bytes(std::move(answer.body))};
    }
    ScriptedHost& script;
  };

  struct Keep final : host::Keep {
    explicit Keep(ScriptedHost& script) : script(script) {}
    std::string kind() const override { return "memory"; }
    Async<std::vector<bool>> has(std::vector<Cid> cids) override {
      script.trace.push_back("keep has" + list_of(cids));
      co_await script.wait(script.keep_seconds, Stop());
      std::vector<bool> here;
      for (const Cid& cid : cids) here.push_back(script.keeps(cid));
      co_return here;
    }
    Async<std::vector<HostBytesRef>> read(std::vector<Cid> cids) override {
      script.trace.push_back("keep read" + list_of(cids));
      co_await script.wait(script.keep_seconds, Stop());
      std::vector<HostBytesRef> blocks;
      for (const Cid& cid : cids) blocks.push_back(find(cid));
      co_return blocks;
    }
    Async<> begin_file(content::FileLayout layout) override {
      script.trace.push_back("keep begin " + layout.root.text());
      co_await script.wait(script.keep_seconds, Stop());
      if (!script.addressable_) co_return;
      const auto file = std::make_shared<Bytes>(static_cast<std::size_t>(layout.size));
      for (const content::Leaf& leaf : layout.leaves) {
        if (leaf.kind == content::LeafKind::kRaw) script.places_.try_emplace(leaf.cid.key(), file, leaf.offset);
      }
    }
    Async<> put(content::VerifiedBytes block) override {
      const std::uint64_t size = block.bytes()->size();
      script.trace.push_back(std::format("keep put {} {}", block.cid().text(), size));
      co_await script.wait(script.keep_seconds, Stop());
      if (script.kept_bytes_ + size > script.full_after) {
        co_await fail(ErrorCode::kQuotaExceeded, "no room for {} bytes", size);
      }
      if (!script.lost_.contains(block.cid().key())) script.keep(block.cid(), copy_of(*block.bytes()));
    }
    Async<> flush() override {
      script.trace.push_back("keep flush");
      co_await script.wait(script.keep_seconds, Stop());
    }
    Async<> forget(std::vector<Cid> cids) override {
      script.trace.push_back("keep forget" + list_of(cids));
      co_await script.wait(script.keep_seconds, Stop());
      for (const Cid& cid : cids) {
        script.kept_.erase(cid.key());
        script.corrupt_.erase(cid.key());
      }
    }
    HostBytesRef find(const Cid& cid) {
      const auto found = script.kept_.find(cid.key());
      if (found == script.kept_.end() || !script.corrupt_.contains(cid.key())) {
        return found == script.kept_.end() ? nullptr : found->second;
      }
      Bytes damaged = copy_of(*found->second);
      if (!damaged.empty()) damaged[damaged.size() / 2] ^= 1;
      return script.bytes(std::move(damaged));
    }
    ScriptedHost& script;
  };

  struct Hash final : host::Hash {
    explicit Hash(ScriptedHost& script) : script(script) {}
    Async<std::vector<content::Digest>> hash(std::vector<host::HashRequest> requests) override {
      script.trace.push_back(std::format("hash {}", requests.size()));
      co_await script.wait(script.hash_seconds, Stop());
      std::vector<content::Digest> digests;
      for (const host::HashRequest& request : requests) {
        digests.push_back(digest(co_await content::full_digest(request.function, copy_of(*request.bytes))));
      }
      co_return digests;
    }
    ScriptedHost& script;
  };

  struct Catalog final : host::Catalog {
    explicit Catalog(ScriptedHost& script) : script(script) {}
    Async<host::Located> locate(std::string model, Stop stop) override {
      script.trace.push_back("catalog locate " + model);
      co_await stop.check();
      const auto found = script.names.find(model);
      if (found == script.names.end()) co_await fail(ErrorCode::kNotFound, "'{}' is no registered name", model);
      co_return found->second;
    }
    ScriptedHost& script;
  };

  struct Decode final : host::Decode {
    explicit Decode(ScriptedHost& script) : script(script) {}
    Async<Image> picture(HostBytesRef file, Stop stop) override {
      script.trace.push_back(std::format("decode picture {}", file->size()));
      co_await script.wait(script.decode_seconds, std::move(stop));
      const auto found = script.pictures.find(copy_of(*file));
      if (found == script.pictures.end()) {
        co_await fail(ErrorCode::kUnsupportedMedia, "the script has no picture of these {} bytes", file->size());
      }
      co_return found->second;
    }
    ScriptedHost& script;
  };

  struct Files final : host::Files {
    explicit Files(ScriptedHost& script) : script(script) {}
    Async<Listing> list(std::string folder) override {
      script.trace.push_back("files list " + folder);
      const std::optional<std::string> real = real_path(folder);
      const std::set<std::string> names = real ? names_in(*real + "/") : std::set<std::string>();
      if (names.empty()) co_await fail(ErrorCode::kNotFound, "there is no folder {}", folder);
      Listing listing{*real, {}};
      for (const std::string& name : names) listing.items.push_back(describe(*real + "/" + name, name));
      co_return listing;
    }
    std::set<std::string> names_in(const std::string& folder) const {
      std::set<std::string> names;
      const auto add = [&](const auto& paths) {
        for (auto it = paths.lower_bound(folder); it != paths.end() && it->first.starts_with(folder); ++it) {
          names.insert(it->first.substr(folder.size(), it->first.find('/', folder.size()) - folder.size()));
        }
      };
      add(script.disk);
      add(script.links);
      add(script.devices);
      return names;
    }
    Item describe(const std::string& path, const std::string& name) const {
      Item item{.name = name};
      if (const auto link = script.links.find(path); link != script.links.end()) item.link_target = link->second;
      const std::optional<std::string> real = real_path(path);
      item.kind = real ? kind_of(*real) : Kind::kCircle;
      if (item.kind == Kind::kFile) item.size = script.disk.at(*real).size();
      return item;
    }
    Kind kind_of(const std::string& real) const {
      if (script.disk.contains(real)) return Kind::kFile;
      if (const auto device = script.devices.find(real); device != script.devices.end()) return device->second;
      return names_in(real + "/").empty() ? Kind::kMissing : Kind::kFolder;
    }
    // As a disk finds it: nothing when 40 links do not lead to an end.
    std::optional<std::string> real_path(std::string rest) const {
      std::string here;
      for (int links = 0; !rest.empty();) {
        const std::size_t end = rest.find('/');
        const std::string name = rest.substr(0, end);
        rest.erase(0, end == rest.npos ? end : end + 1);
        if (name.empty() || name == ".") continue;
        const auto link = script.links.find(here + "/" + name);
        if (name == "..") {
          here.erase(std::min(here.rfind('/'), here.size()));
        } else if (link == script.links.end()) {
          here += "/" + name;
        } else if (++links > 40) {
          return std::nullopt;
        } else {
          if (link->second.starts_with('/')) here.clear();
          rest = link->second + "/" + rest;
        }
      }
      return here;
    }
    Async<HostBytesRef> read(std::string folder, std::string path, std::uint64_t offset,
                             std::uint64_t length) override {
      script.trace.push_back(std::format("files read {}/{} {} {}", folder, path, offset, length));
      const auto found = script.disk.find(real_path(folder + "/" + path).value_or(""));
      if (found == script.disk.end()) co_await fail(ErrorCode::kNotFound, "there is no file {}/{}", folder, path);
      const Bytes& all = found->second;
      const std::uint64_t begin = std::min<std::uint64_t>(offset, all.size());
      const std::uint64_t end = std::min<std::uint64_t>(begin + length, all.size());
      co_return script.bytes(
          Bytes(all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(end)));
    }
    ScriptedHost& script;
  };

  explicit Ports(ScriptedHost& script)
      : clock(script), net(script), keep(script), hash(script), catalog(script), decode(script), files(script) {}
  Clock clock;
  Net net;
  Keep keep;
  Hash hash;
  Catalog catalog;
  Decode decode;
  Files files;
  InPlaceCompute compute;
  std::optional<host::Host> host;
};

ScriptedHost::ScriptedHost(bool addressable) : addressable_(addressable), ports_(std::make_unique<Ports>(*this)) {
  Ports& ports = *ports_;
  ports.host.emplace(host::Host{.executor = executor_,
                                .clock = ports.clock,
                                .net = ports.net,
                                .keep = ports.keep,
                                .hash = ports.hash,
                                .compute = ports.compute,
                                .catalog = ports.catalog,
                                .decode = ports.decode,
                                .files = &ports.files});
}
ScriptedHost::~ScriptedHost() = default;
host::Host& ScriptedHost::host() { return *ports_->host; }

// Time

bool ScriptedHost::step() {
  if (events_.empty()) return false;
  const auto next = events_.begin();
  now_ = std::max(now_, next->first);
  const std::function<void()> event = std::move(next->second);
  events_.erase(next);
  event();
  return true;
}

Async<> ScriptedHost::wait(double seconds, Stop stop) {
  co_await stop.check();
  const Reply<> reply;
  const Events::iterator nap = events_.emplace(now_ + seconds, [reply] { reply.settle({}); });
  const Stop::Listener listener = stop.listen([&] {
    if (reply.settled()) return;
    events_.erase(nap);  // nobody is woken for a sleeper that is gone
    reply.settle(stop.check());
  });
  co_await reply.get();
}

// Scripts

void ScriptedHost::answer(std::string url_start, Script script) {
  scripts_.insert_or_assign(std::move(url_start), std::move(script));
}

void ScriptedHost::serve(std::string url, Bytes body) {
  scripts_.try_emplace(url.substr(0, url.rfind('/') + 1),
                       [](const std::string&, int) { return Answer{.status = 404}; });
  answer(std::move(url), [body = std::move(body)](const std::string&, int) { return Answer{.body = body}; });
}

void ScriptedHost::gateway(const std::string& base, const Origin& origin, Change change) {
  const std::string start = base + "/ipfs/";
  answer(start, [start, &origin, change = std::move(change)](const std::string& url, int) {
    const auto cid = Cid::parse(url.substr(start.size(), url.find('?') - start.size()));
    if (!cid) return Answer{.status = 400};
    const Bytes* const bytes = origin.find(*cid);
    Answer answer = bytes ? Answer{.body = *bytes} : Answer{.status = 404};
    if (change) change(*cid, answer);
    return answer;
  });
}

int ScriptedHost::requests(std::string_view url_start) const {
  int count = 0;
  for (const auto& [url, number] : asked_) count += url.starts_with(url_start) ? number : 0;
  return count;
}

std::size_t ScriptedHost::pinned() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(kept_, [](const auto& kept) { return kept.second.use_count() > 1; }));
}

void ScriptedHost::keep(const Cid& cid, Bytes bytes) {
  const std::string key = cid.key();
  kept_bytes_ += bytes.size();
  if (const auto place = places_.find(key); place != places_.end()) {
    const auto& [file, offset] = place->second;
    std::ranges::copy(bytes, file->begin() + static_cast<std::ptrdiff_t>(offset));
    kept_[key] = std::make_shared<PlacedBytes>(file, offset, bytes.size());
    return;
  }
  kept_[key] = this->bytes(std::move(bytes));
}

std::string ScriptedHost::traced() const {
  std::string text;
  for (const std::string& line : trace) text += line + "\n";
  return text;
}

}  // namespace ipfs_accelerate::scripted
