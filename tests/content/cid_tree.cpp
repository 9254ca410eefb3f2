// Prints the CID of each folder or file given, for the differential test against other importers.
// cid_tree PROFILE PATH...     a named profile, through the same import as `add`
// cid_tree version=1,chunk=256,width=3,raw=1,bits=8,threshold=500,size=block PATH...     any parameters
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>

#include "content/directory.h"
#include "store/store.h"

namespace ipfs_accelerate {
namespace {

namespace fs = std::filesystem;
const content::BlockSink kDrop = [](const content::VerifiedBlock&) -> Result<> { return {}; };

Result<content::Link> file_link(const content::Profile& profile, const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  content::FileBuilder builder(profile, kDrop);
  Bytes chunk(profile.chunk_bytes);
  bool first = true;
  while (true) {
    in.read(reinterpret_cast<char*>(chunk.data()), static_cast<std::streamsize>(chunk.size()));
    const auto count = static_cast<std::size_t>(in.gcount());
    if (count == 0 && !first) return builder.finish();
    first = false;
    const ByteView bytes(chunk.data(), count);
    IA_ASSIGN(const content::Cid cid, content::leaf_cid(profile, bytes));
    IA_TRY(builder.add_leaf(cid, count));
    if (count == 0) return builder.finish();
  }
}

Result<content::Link> tree_link(const content::Profile& profile, const fs::path& path) {
  if (!fs::is_directory(path)) return file_link(profile, path);
  std::vector<content::Link> entries;
  for (const auto& entry : fs::directory_iterator(path)) {
    IA_ASSIGN(content::Link link, tree_link(profile, entry.path()));
    link.name = entry.path().filename().string();
    entries.push_back(std::move(link));
  }
  return content::build_directory(profile, std::move(entries), kDrop);
}

content::Profile custom(std::string_view text) {
  content::Profile profile{.name = "custom"};
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const std::string_view key = part.substr(0, part.find('=')), value = part.substr(part.find('=') + 1);
    std::size_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (key == "version") profile.cid_version = static_cast<int>(number);
    if (key == "chunk") profile.chunk_bytes = number;
    if (key == "width") profile.width = number;
    if (key == "raw") profile.raw_leaves = number != 0;
    if (key == "bits") profile.hamt_bits = static_cast<int>(number);
    if (key == "threshold") profile.hamt_threshold = number;
    if (key == "size" && value == "links") profile.directory_size = content::DirectorySize::kLinksBytes;
  }
  return profile;
}

Result<std::string> cid_of(std::string_view how, const fs::path& path) {
  if (how.find('=') != how.npos) {
    IA_ASSIGN(const content::Link link, tree_link(custom(how), path));
    return link.cid.text();
  }
  IA_ASSIGN(const content::ProfileName profile, content::parse_profile(how));
  IA_ASSIGN(const store::Added added, store::Store::only_hash(path, {.profile = profile, .hidden = true}));
  return added.root.text();
}

}  // namespace
}  // namespace ipfs_accelerate

int main(int count, char** arguments) {
  for (int i = 2; i < count; ++i) {
    const auto cid = ipfs_accelerate::cid_of(arguments[1], arguments[i]);
    if (!cid) {
      std::fprintf(stderr, "%s: %s\n", arguments[i], cid.error().message.c_str());
      return 1;
    }
    std::printf("%s %s\n", cid->c_str(), arguments[i]);
  }
  return 0;
}
