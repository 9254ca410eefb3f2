// What a CID consists of, as JSON.
#include <nlohmann/json.hpp>

#include "content/cid.h"
#include "content/multibase.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

namespace ipfs_accelerate {
namespace {

std::string codec_name(content::Codec codec) {
  switch (codec) {
    case content::Codec::kRaw: return "raw";
    case content::Codec::kDagPb: return "dag-pb";
    case content::Codec::kDagCbor: return "dag-cbor";
    case content::Codec::kLibp2pKey: return "libp2p-key";
  }
  return std::format("0x{:x}", static_cast<std::uint64_t>(codec));
}

std::string function_name(content::HashFunction function) {
  switch (function) {
    case content::HashFunction::kIdentity: return "identity";
    case content::HashFunction::kSha2_256: return "sha2-256";
    case content::HashFunction::kSha2_512: return "sha2-512";
    case content::HashFunction::kBlake3: return "blake3";
  }
  return std::format("0x{:x}", static_cast<std::uint64_t>(function));
}

}  // namespace

Result<std::string> inspect_cid(const std::string& text) {
  IA_ASSIGN(const content::Cid cid, content::Cid::parse(text));
  content::Cid v1 = cid;
  v1.version = 1;
  const Bytes bytes = v1.to_bytes();
  nlohmann::ordered_json json = {
      {"cid", cid.text()},
      {"version", cid.version},
      {"codec", codec_name(cid.codec)},
      {"hash", function_name(cid.hash.function)},
      {"digest", content::encode_multibase(content::Base::kBase16, cid.hash.digest).substr(1)},
      {"base32", content::encode_multibase(content::Base::kBase32, bytes)},
      {"base36", content::encode_multibase(content::Base::kBase36, bytes)},
      {"base58btc", content::encode_multibase(content::Base::kBase58Btc, bytes)},
      {"base16", content::encode_multibase(content::Base::kBase16, bytes)}};
  const bool has_v0 = cid.codec == content::Codec::kDagPb && cid.hash.function == content::HashFunction::kSha2_256 &&
                      cid.hash.digest.size() == 32;
  if (has_v0) {
    content::Cid v0 = cid;
    v0.version = 0;
    json["v0"] = v0.text();
  }
  return json.dump();
}

}  // namespace ipfs_accelerate
