// Importing for the page: hashed leaves in, the folder's CID and its inner blocks out.
#include "abi.h"
#include "content/directory.h"
#include "content/file_dag.h"

namespace ipfs_accelerate::wasm {
namespace {

/// Collects the blocks that the builders make: [{cid fields, offset, size}] and their bytes one after another.
struct Collector {
  Json blocks = Json::array();
  Bytes bytes;

  Result<> operator()(const content::VerifiedBlock& block) {
    auto entry = cid_json(block.cid());
    entry["offset"] = bytes.size();
    entry["size"] = block.bytes().size();
    blocks.push_back(std::move(entry));
    bytes.insert(bytes.end(), block.bytes().begin(), block.bytes().end());
    return {};
  }
};

struct Folder {
  std::map<std::string, Folder> folders;
  std::vector<content::Link> files;
};

Result<Bytes> unhex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    auto value = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    int high = value(text[i]), low = value(text[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorCode::kInvalidArgument, "'{}' is no hexadecimal digest", text);
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  if (bytes.size() != 32 || text.size() != 64) {
    return fail(ErrorCode::kInvalidArgument, "a sha2-256 digest has 64 hexadecimal digits, '{}' has {}", text,
                text.size());
  }
  return bytes;
}

Result<content::Link> build_file(const content::Profile& profile, const Json& leaves, Collector& collector) {
  content::FileBuilder builder(profile, std::ref(collector));
  for (const auto& leaf : leaves) {
    IA_ASSIGN(auto digest, unhex(text_field(leaf, "digest")));
    content::Cid cid{1, content::Codec::kRaw, {content::HashFunction::kSha2_256, std::move(digest)}};
    IA_TRY(builder.add_leaf(cid, static_cast<std::uint64_t>(int_field(leaf, "length", 0))));
  }
  return builder.finish();
}

/// A file's leaves, or a symbolic link's target.
Result<content::Link> build_entry(const content::Profile& profile, const Json& entry, Collector& collector) {
  if (entry.contains("target"))
    return content::build_symlink(profile, text_field(entry, "target"), std::ref(collector));
  return build_file(profile, entry.value("leaves", Json::array()), collector);
}

/// The folder a file's path leads to, and the file's own name.
std::pair<Folder*, std::string> place(Folder& root, const std::string& path) {
  auto* folder = &root;
  std::size_t begin = 0;
  for (auto end = path.find('/'); end != std::string::npos; end = path.find('/', begin)) {
    folder = &folder->folders[path.substr(begin, end - begin)];
    begin = end + 1;
  }
  return {folder, path.substr(begin)};
}

Result<content::Link> build_folder(const content::Profile& profile, Folder& folder, Collector& collector) {
  for (auto& [name, child] : folder.folders) {
    IA_ASSIGN(auto link, build_folder(profile, child, collector));
    link.name = name;
    folder.files.push_back(std::move(link));
  }
  return content::build_directory(profile, std::move(folder.files), std::ref(collector));
}

Result<Json> import(const Json& json) {
  const auto& profile = content::profile(content::ProfileName::kUnixFsV1_2025);
  Collector collector;
  Folder root;
  for (const auto& file : json.value("files", Json::array())) {
    auto path = text_field(file, "path");
    if (std::ranges::count(path, '/') > 32) return fail(ErrorCode::kLimitExceeded, "{} is nested too deep", path);
    auto [folder, name] = place(root, path);
    if (bool_field(file, "folder", false)) {
      folder->folders[name];
      continue;
    }
    IA_ASSIGN(auto link, build_entry(profile, file, collector));
    link.name = name;
    folder->files.push_back(std::move(link));
  }
  IA_ASSIGN(auto link, build_folder(profile, root, collector));
  reply().bytes = std::move(collector.bytes);
  return Json{{"cid", cid_json(link.cid)}, {"blocks", std::move(collector.blocks)}};
}

}  // namespace
}  // namespace ipfs_accelerate::wasm

using namespace ipfs_accelerate::wasm;

/// Bytes of one leaf: how a file must be cut before it is imported.
IA_EXPORT int ia_import_chunk_bytes() {
  using namespace ipfs_accelerate;
  return static_cast<int>(content::profile(content::ProfileName::kUnixFsV1_2025).chunk_bytes);
}

/// {files: [{path, leaves: [{digest (sha2-256, hex), length}]} or {path, target} for a symbolic link or {path, folder:
/// true} for a folder that may be empty]} -> {cid, blocks: [{cid fields, offset, size}]}, the
/// blocks' bytes beside it. Profile unixfs-v1-2025, raw leaves.
IA_EXPORT int ia_import(const char* text, std::size_t size) {
  return answer(parse_object(text, size).and_then(import));
}
