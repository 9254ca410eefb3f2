// Cutting, hashing and naming files; several leaves are read and hashed at once.
#include "fetch/folder_builder.h"

#include <algorithm>

namespace ipfs_accelerate::fetch {
namespace {

constexpr std::size_t kLeavesAtOnce = kInFlight / 2;

}  // namespace

FolderBuilder::FolderBuilder(host::Host& host)
    : host_(host), profile_(content::profile(content::ProfileName::kUnixFsV1_2025)) {}

content::BlockSink FolderBuilder::sink() {
  return [this](const content::VerifiedBlock& block) -> Result<> {
    blocks_.emplace_back(block.cid(), own_bytes(Bytes(block.bytes().begin(), block.bytes().end())));
    return {};
  };
}

Result<FolderBuilder::Folder*> FolderBuilder::place(const std::string& path, std::string& name) {
  Folder* folder = &root_;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t end = path.find('/');; end = path.find('/', begin)) {
    name = path.substr(begin, end == path.npos ? end : end - begin);
    if (!content::is_safe_name(name)) {
      return fail(ErrorCode::kInvalidArgument, "\"{}\" cannot be a path in a folder", path);
    }
    if (end == path.npos) return folder;
    if (++depth > content::kMaxFolderDepth) {
      return fail(ErrorCode::kLimitExceeded, "{} is nested deeper than {} folders", path, content::kMaxFolderDepth);
    }
    folder = &folder->folders[name];
    begin = end + 1;
  }
}

Async<> FolderBuilder::add_file(std::string path, std::uint64_t size, ReadPart read, TakeLeaf take, Stop stop) {
  std::string name;
  Folder* const folder = co_await place(path, name);
  const std::uint64_t chunk = profile_.chunk_bytes;
  const std::uint64_t leaves = std::max<std::uint64_t>(1, (size + chunk - 1) / chunk);
  content::FileBuilder builder(profile_, sink());
  for (std::uint64_t first = 0; first < leaves; first += kLeavesAtOnce) {
    co_await stop.check();
    std::vector<host::HashRequest> parts;
    for (std::uint64_t i = first; i < std::min(leaves, first + kLeavesAtOnce); ++i) {
      HostBytesRef part = co_await read(i * chunk, std::min(chunk, size - i * chunk));
      parts.push_back({content::HashFunction::kSha2_256, std::move(part)});
    }
    const std::vector<content::Digest> digests = co_await host_.hash.hash(parts);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const ByteView digest = digests[i].bytes();
      const Cid cid{1, content::Codec::kRaw, {content::HashFunction::kSha2_256, Bytes(digest.begin(), digest.end())}};
      co_await builder.add_leaf(cid, parts[i].bytes->size());
      co_await take(co_await content::verify(cid, parts[i].bytes, digests[i]), (first + i) * chunk);
    }
  }
  content::Link link = co_await builder.finish();
  link.name = std::move(name);
  folder->entries.push_back(std::move(link));
}

Result<> FolderBuilder::add_folder(const std::string& path) {
  std::string name;
  IA_ASSIGN(Folder* const folder, place(path, name));
  (void)folder->folders[name];
  return {};
}

Result<content::Link> FolderBuilder::build(Folder& folder) {  // at most kMaxFolderDepth deep
  for (auto& [name, child] : folder.folders) {
    IA_ASSIGN(content::Link link, build(child));
    link.name = name;
    folder.entries.push_back(std::move(link));
  }
  return content::build_directory(profile_, std::move(folder.entries), sink());
}

Result<Cid> FolderBuilder::finish() {
  IA_ASSIGN(const content::Link root, build(root_));
  return root.cid;
}

}  // namespace ipfs_accelerate::fetch
