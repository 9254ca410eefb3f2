// CIDs: text and bytes, and verify().
#include "content/cid.h"

#include <algorithm>

#include "content/block.h"
#include "content/hash.h"
#include "content/multibase.h"
#include "content/varint.h"

namespace ipfs_accelerate::content {
namespace {

// Errors about a CID's inside are kInvalidCid, whoever noticed them.
Result<std::uint64_t> read_number(ByteView bytes, std::size_t& at, std::string_view what) {
  std::size_t used = 0;
  auto value = read_varint(bytes.subspan(at), used);
  if (!value) return fail(ErrorCode::kInvalidCid, "CID's {}: {}", what, value.error().message);
  at += used;
  return *value;
}

Result<Multihash> read_multihash(ByteView bytes, std::size_t& at) {
  IA_ASSIGN(const std::uint64_t function, read_number(bytes, at, "hash function"));
  IA_ASSIGN(const std::uint64_t length, read_number(bytes, at, "digest length"));
  IA_TRY(check_digest(function, length));
  if (length > bytes.size() - at) {
    return fail(ErrorCode::kInvalidCid, "CID's digest should have {} bytes, {} are there", length, bytes.size() - at);
  }
  const ByteView digest = bytes.subspan(at, length);
  at += length;
  return Multihash{static_cast<HashFunction>(function), Bytes(digest.begin(), digest.end())};
}

void put_multihash(Bytes& out, const Multihash& hash) {
  put_varint(out, static_cast<std::uint64_t>(hash.function));
  put_varint(out, hash.digest.size());
  out.insert(out.end(), hash.digest.begin(), hash.digest.end());
}

constexpr std::size_t kV0Bytes = 34, kV0Text = 46;

bool starts_as_v0(ByteView bytes) { return bytes.size() >= 2 && bytes[0] == 0x12 && bytes[1] == 0x20; }

}  // namespace

Result<Cid> Cid::read(ByteView bytes, std::size_t& used) {
  Cid cid;
  std::size_t at = 0;
  if (starts_as_v0(bytes)) {
    if (bytes.size() < kV0Bytes) {
      return fail(ErrorCode::kInvalidCid, "CIDv0 has {} bytes, {} are there", kV0Bytes, bytes.size());
    }
    cid.version = 0;
    cid.codec = Codec::kDagPb;
  } else {
    IA_ASSIGN(const std::uint64_t version, read_number(bytes, at, "version"));
    if (version != 1) return fail(ErrorCode::kInvalidCid, "CID version {} is not known (0 and 1 are)", version);
    IA_ASSIGN(const std::uint64_t codec, read_number(bytes, at, "codec"));
    cid.codec = static_cast<Codec>(codec);
  }
  IA_ASSIGN(cid.hash, read_multihash(bytes, at));
  used = at;
  return cid;
}

Result<Cid> Cid::from_bytes(ByteView bytes) {
  std::size_t used = 0;
  IA_ASSIGN(Cid cid, read(bytes, used));
  if (used != bytes.size()) {
    return fail(ErrorCode::kInvalidCid, "{} bytes follow a CID of {} bytes", bytes.size() - used, used);
  }
  return cid;
}

Result<Cid> Cid::parse(std::string_view text) {
  const bool v0 = text.size() == kV0Text && text.starts_with("Qm");
  auto bytes = v0 ? decode_base58(text) : decode_multibase(text);
  if (!bytes) return while_doing(std::move(bytes).error(), "reading CID \"{}\"", text.substr(0, 80));
  auto cid = from_bytes(*bytes);
  if (!cid) return while_doing(std::move(cid).error(), "reading CID \"{}\"", text.substr(0, 80));
  if (!v0 && cid->version == 0) {
    return fail(ErrorCode::kInvalidCid, "CIDv0 is written without multibase letter, as {}", cid->text());
  }
  if (v0 && cid->version != 0) return fail(ErrorCode::kInvalidCid, "\"{}\" is no CIDv0", text);
  return cid;
}

Bytes Cid::to_bytes() const {
  Bytes out;
  out.reserve(8 + hash.digest.size());
  if (version != 0) {
    put_varint(out, 1);
    put_varint(out, static_cast<std::uint64_t>(codec));
  }
  put_multihash(out, hash);
  return out;
}

std::string Cid::text() const {
  const Bytes bytes = to_bytes();
  return version == 0 ? encode_base58(bytes) : encode_multibase(Base::kBase32, bytes);
}

std::string Cid::key() const {
  Bytes out;
  put_multihash(out, hash);
  return std::string(as_text(out));
}

Result<VerifiedBlock> address(int version, Codec codec, ByteView bytes) {
  if (bytes.size() > kMaxBlockBytes) {
    return fail(ErrorCode::kLimitExceeded, "a block of {} bytes, at most {} are allowed", bytes.size(), kMaxBlockBytes);
  }
  Cid cid{.version = version, .codec = codec};
  IA_ASSIGN(cid.hash, hash(HashFunction::kSha2_256, bytes));
  return VerifiedBlock(std::move(cid), bytes);
}

Result<VerifiedBlock> verify(const Cid& cid, ByteView bytes) {
  if (bytes.size() > kMaxBlockBytes) {
    return fail(ErrorCode::kLimitExceeded, "block {} has {} bytes, at most {} are allowed", cid.text(), bytes.size(),
                kMaxBlockBytes);
  }
  if (auto match = check_hash(cid.hash, {&bytes, 1}); !match) {
    return while_doing(std::move(match).error(), "verifying block {}", cid.text());
  }
  return VerifiedBlock(cid, bytes);
}

Result<VerifiedBytes> verify(const Cid& cid, HostBytesRef bytes, const Digest& digest) {
  if (bytes->size() > kMaxBlockBytes) {
    return fail(ErrorCode::kLimitExceeded, "block {} has {} bytes, at most {} are allowed", cid.text(), bytes->size(),
                kMaxBlockBytes);
  }
  IA_TRY(check_digest(static_cast<std::uint64_t>(cid.hash.function), cid.hash.digest.size()));
  const auto match = check_digest_bytes(cid.hash, digest.bytes());
  if (!match) return while_doing(match.error(), "verifying block {}", cid.text());
  return VerifiedBytes(cid, std::move(bytes));
}

std::optional<VerifiedBytes> RememberedBytes::recall(const Cid& cid) const {
  HostBytesRef bytes = bytes_.lock();
  if (!bytes || cid.hash != hash_) return std::nullopt;
  return VerifiedBytes(cid, std::move(bytes));
}

Block Block::copy_of(const VerifiedBytes& verified) {
  Bytes bytes(static_cast<std::size_t>(verified.bytes()->size()));
  verified.bytes()->copy(0, bytes);
  VerifiedBlock view(verified.cid(), bytes);
  return Block(std::move(bytes), std::move(view));
}

std::optional<VerifiedBlock> Block::view_of(const VerifiedBytes& verified) {
  const HostBytesRef& bytes = verified.bytes();
  const bool here = bytes->data() != nullptr || bytes->size() == 0;
  if (!here) return std::nullopt;
  return VerifiedBlock(verified.cid(), {bytes->data(), static_cast<std::size_t>(bytes->size())});
}

Result<Block> Block::make(const Cid& cid, Bytes bytes) {
  IA_ASSIGN(VerifiedBlock verified, verify(cid, bytes));
  return Block(std::move(bytes), std::move(verified));
}

Result<Block> Block::from_identity(const Cid& cid) {
  if (cid.hash.function != HashFunction::kIdentity) {
    return fail(ErrorCode::kInvalidArgument, "{} is no identity CID", cid.text());
  }
  return make(cid, cid.hash.digest);
}

}  // namespace ipfs_accelerate::content
