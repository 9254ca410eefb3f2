// CIDs and blocks for the page: parse, verify, decode.
#include "abi.h"
#include "content/cid.h"
#include "content/unixfs.h"

namespace ipfs_accelerate::wasm {
static std::string hex(ByteView bytes) {
  std::string text;
  for (auto byte : bytes) text += std::format("{:02x}", byte);
  return text;
}

Json cid_json(const content::Cid& cid) {
  return {{"text", cid.text()},
          {"version", cid.version},
          {"codec", static_cast<std::uint64_t>(cid.codec)},
          {"hash", static_cast<std::uint64_t>(cid.hash.function)},
          {"digest", hex(cid.hash.digest)}};
}

namespace {

const char* type_name(content::UnixFsType type) {
  switch (type) {
    case content::UnixFsType::kRaw:
    case content::UnixFsType::kFile: return "file";
    case content::UnixFsType::kDirectory: return "directory";
    case content::UnixFsType::kHamtShard: return "hamt";
    case content::UnixFsType::kSymlink: return "symlink";
    case content::UnixFsType::kMetadata: return "metadata";
  }
  return "unknown";
}

Result<Json> decode(const content::Cid& cid, ByteView bytes) {
  IA_ASSIGN(auto block, content::verify(cid, bytes));
  IA_ASSIGN(auto node, content::decode_unixfs(block));
  auto links = Json::array();
  for (const auto& link : node.links) {
    auto entry = cid_json(link.cid);
    entry["name"] = link.name;
    links.push_back(std::move(entry));
  }
  Json result{{"type", type_name(node.type)},
              {"size", node.file_size},
              {"block_sizes", node.block_sizes},
              {"fanout", node.fanout},
              {"links", std::move(links)}};
  reply().bytes = std::move(node.data);
  return result;
}

}  // namespace
}  // namespace ipfs_accelerate::wasm

using namespace ipfs_accelerate;
using namespace ipfs_accelerate::wasm;

/// {text, version, codec, hash, digest (hex)} of a CID's text.
IA_EXPORT int ia_cid_parse(const char* text, std::size_t size) {
  return answer(content::Cid::parse({text, size}).transform(cid_json));
}

/// Compares bytes with a CID and decodes them as UnixFS: {type, size, block_sizes, fanout, links}; inline data in
/// bytes.
IA_EXPORT int ia_block_decode(const char* text, std::size_t text_size, const std::uint8_t* bytes, std::size_t size) {
  return answer(content::Cid::parse({text, text_size}).and_then([&](const content::Cid& cid) {
    return decode(cid, {bytes, size});
  }));
}

/// Compares bytes with a CID, for pages without WebCrypto.
IA_EXPORT int ia_block_verify(const char* text, std::size_t text_size, const std::uint8_t* bytes, std::size_t size) {
  auto verified = content::Cid::parse({text, text_size}).and_then([&](const content::Cid& cid) {
    return content::verify(cid, {bytes, size});
  });
  return answer(verified.transform([](const content::VerifiedBlock&) { return Json::object(); }));
}

/// sha2-256 in hexadecimal, for pages without WebCrypto.
IA_EXPORT int ia_sha256(const std::uint8_t* bytes, std::size_t size) {
  return answer(content::hash(content::HashFunction::kSha2_256, {bytes, size}).transform([](const auto& hash) {
    return Json(hex(hash.digest));
  }));
}
