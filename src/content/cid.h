// CIDs, multihashes, and the one door to verified bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace ipfs_accelerate::host {
class Hash;
}

namespace ipfs_accelerate::content {

enum class Codec : std::uint64_t { kRaw = 0x55, kDagPb = 0x70, kDagCbor = 0x71, kLibp2pKey = 0x72 };
enum class HashFunction : std::uint64_t { kIdentity = 0x00, kSha2_256 = 0x12, kSha2_512 = 0x13, kBlake3 = 0x1e };

/// A hash function's code and digest. https://github.com/multiformats/multihash
struct Multihash {
  HashFunction function = HashFunction::kSha2_256;
  Bytes digest{};
  friend auto operator<=>(const Multihash&, const Multihash&) = default;
};

/// Content identifier, versions 0 and 1. https://specs.ipfs.tech/cid
struct Cid {
  int version = 1;
  Codec codec = Codec::kRaw;
  Multihash hash{};

  /// Text: base58btc "Qm..." (v0), or multibase (base32, base36, base58btc, base16, base64url). kInvalidCid says what
  /// is wrong; kUnsupportedHash for functions outside the allow-list.
  static Result<Cid> parse(std::string_view text);
  static Result<Cid> from_bytes(ByteView bytes);  ///< the whole of `bytes`
  /// Reads a CID at the start of `bytes`; `used` gets its length.
  static Result<Cid> read(ByteView bytes, std::size_t& used);
  Bytes to_bytes() const;
  std::string text() const;  ///< v0: base58btc; v1: base32 lower case
  std::string key() const;   ///< multihash bytes: blocks are stored by this, so v0/v1 and codec aliases share storage

  friend auto operator<=>(const Cid&, const Cid&) = default;
};

/// Digest of `bytes`. sha2-256, sha2-512; blake3 natively; identity returns the bytes (at most 128).
Result<Multihash> hash(HashFunction function, ByteView bytes);

/// Bytes that were compared with their CID. Only verify() and address() make one; stores, decoders and weight readers
/// take nothing else.
class VerifiedBlock {
 public:
  const Cid& cid() const { return cid_; }
  ByteView bytes() const { return bytes_; }

 private:
  friend Result<VerifiedBlock> verify(const Cid& cid, ByteView bytes);
  friend Result<VerifiedBlock> address(int version, Codec codec, ByteView bytes);
  friend class Block;  // copies verified bytes
  VerifiedBlock(Cid cid, ByteView bytes) : cid_(std::move(cid)), bytes_(bytes) {}
  Cid cid_;
  ByteView bytes_;  ///< not owned: lives as long as what was verified
};

inline constexpr std::size_t kMaxBlockBytes = 2u << 20;  ///< 2 MiB, as Kubo and Helia

/// A full digest that a host's hash port made of bytes; nobody else makes one.
class Digest {
 public:
  ByteView bytes() const { return bytes_; }

 private:
  friend class host::Hash;
  explicit Digest(Bytes bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes_;
};

/// Bytes that a host keeps and that were compared with their CID.
class VerifiedBytes {
 public:
  const Cid& cid() const { return cid_; }
  const HostBytesRef& bytes() const { return bytes_; }

 private:
  friend Result<VerifiedBytes> verify(const Cid& cid, HostBytesRef bytes, const Digest& digest);
  friend class RememberedBytes;  // gives back what was verified
  VerifiedBytes(Cid cid, HostBytesRef bytes) : cid_(std::move(cid)), bytes_(std::move(bytes)) {}
  Cid cid_;
  HostBytesRef bytes_;
};

/// Remembers that bytes were verified, without keeping them alive: as long as somebody holds the same object, it need
/// not be hashed again.
class RememberedBytes {
 public:
  explicit RememberedBytes(const VerifiedBytes& verified) : hash_(verified.cid().hash), bytes_(verified.bytes()) {}
  std::optional<VerifiedBytes> recall(const Cid& cid) const;
  bool expired() const { return bytes_.expired(); }

 private:
  Multihash hash_;
  std::weak_ptr<const HostBytes> bytes_;
};

/// `digest` is what the hash port made of `bytes` with the CID's function. kIntegrity, kLimitExceeded as below.
Result<VerifiedBytes> verify(const Cid& cid, HostBytesRef bytes, const Digest& digest);

/// kIntegrity when the digest differs (says both), kLimitExceeded above kMaxBlockBytes.
Result<VerifiedBlock> verify(const Cid& cid, ByteView bytes);
/// Gives bytes of our own the CID that their sha2-256 makes. kLimitExceeded above kMaxBlockBytes.
Result<VerifiedBlock> address(int version, Codec codec, ByteView bytes);

}  // namespace ipfs_accelerate::content
