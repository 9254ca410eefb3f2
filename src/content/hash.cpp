// Digests: OpenSSL and BLAKE3 natively, our own SHA-2 in WASM.
#include "content/hash.h"

#include <algorithm>

#include "content/multibase.h"
#include "content/sha2.h"

#if !defined(__EMSCRIPTEN__)
#include <blake3.h>
#include <openssl/evp.h>
#endif

namespace ipfs_accelerate::content {
namespace {

#if defined(__EMSCRIPTEN__)

Result<Bytes> digest_of(HashFunction function, std::span<const ByteView> parts) {
  const auto bytes = [](const auto& digest) { return Bytes(digest.begin(), digest.end()); };
  if (function == HashFunction::kSha2_256) return bytes(portable_sha256(parts));
  if (function == HashFunction::kSha2_512) return bytes(portable_sha512(parts));
  return fail(ErrorCode::kUnsupportedHash, "blake3 is not available in this build; use a sha2-256 CID");
}

Result<Bytes> digest_of_stream(const NextPart& next) {
  Bytes all;
  while (true) {
    IA_ASSIGN(const ByteView part, next());
    if (part.empty()) break;
    all.insert(all.end(), part.begin(), part.end());
  }
  const ByteView view(all);
  return digest_of(HashFunction::kSha2_256, {&view, 1});
}

#else

// One context per thread: making one costs more than hashing a small block.
Result<Bytes> digest_openssl(const EVP_MD* algorithm, const NextPart& next) {
  struct Context {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(context); }
  };
  thread_local Context context;
  Bytes digest(EVP_MAX_MD_SIZE);
  unsigned length = 0;
  bool ok = algorithm && EVP_DigestInit_ex2(context.context, algorithm, nullptr) == 1;
  while (ok) {
    IA_ASSIGN(const ByteView part, next());
    if (part.empty()) break;
    ok = EVP_DigestUpdate(context.context, part.data(), part.size()) == 1;
  }
  if (!ok || EVP_DigestFinal_ex(context.context, digest.data(), &length) != 1) {
    return fail(ErrorCode::kInternal, "the crypto library refused to hash");
  }
  digest.resize(length);
  return digest;
}

Bytes digest_blake3(std::span<const ByteView> parts) {
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  for (const ByteView part : parts) blake3_hasher_update(&hasher, part.data(), part.size());
  Bytes digest(64);  // its first 32 bytes are the usual digest
  blake3_hasher_finalize(&hasher, digest.data(), digest.size());
  return digest;
}

NextPart each_of(std::span<const ByteView> parts) {
  return [parts, i = std::size_t{0}]() mutable -> Result<ByteView> {
    while (i < parts.size() && parts[i].empty()) ++i;
    return i < parts.size() ? parts[i++] : ByteView{};
  };
}

const EVP_MD* sha256() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  return algorithm;
}

Result<Bytes> digest_of(HashFunction function, std::span<const ByteView> parts) {
  static const EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA2-512", nullptr);
  if (function == HashFunction::kSha2_256) return digest_openssl(sha256(), each_of(parts));
  if (function == HashFunction::kSha2_512) return digest_openssl(sha512, each_of(parts));
  return digest_blake3(parts);
}

Result<Bytes> digest_of_stream(const NextPart& next) { return digest_openssl(sha256(), next); }

#endif

Bytes joined(std::span<const ByteView> parts) {
  Bytes bytes;
  for (const ByteView part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

// Full digest; blake3 gives 64 bytes, of which callers keep what they need.
Result<Bytes> digest_of_parts(HashFunction function, std::span<const ByteView> parts) {
  switch (function) {
    case HashFunction::kIdentity: return joined(parts);
    case HashFunction::kSha2_256:
    case HashFunction::kSha2_512:
    case HashFunction::kBlake3: return digest_of(function, parts);
  }
  return fail(ErrorCode::kUnsupportedHash, "hash function {:#x} is not supported",
              static_cast<std::uint64_t>(function));
}

}  // namespace

Result<> check_digest(std::uint64_t function, std::size_t length) {
  constexpr std::size_t kShortest = 20;
  std::size_t most = 0;
  switch (static_cast<HashFunction>(function)) {
    case HashFunction::kIdentity:
      if (length <= kMaxIdentityBytes) return {};
      return fail(ErrorCode::kInvalidCid, "identity CID of {} bytes, at most {} are allowed", length,
                  kMaxIdentityBytes);
    case HashFunction::kSha2_256: most = 32; break;
    case HashFunction::kSha2_512:
    case HashFunction::kBlake3: most = 64; break;
    default:
      return fail(ErrorCode::kUnsupportedHash,
                  "hash function {:#x} is not allowed; allowed: sha2-256, sha2-512, blake3, identity", function);
  }
  if (length >= kShortest && length <= most) return {};
  return fail(ErrorCode::kInvalidCid, "digest of {} bytes for hash function {:#x}, {} to {} are allowed", length,
              function, kShortest, most);
}

Result<Multihash> hash_parts(HashFunction function, std::span<const ByteView> parts) {
  IA_ASSIGN(Bytes digest, digest_of_parts(function, parts));
  if (function == HashFunction::kBlake3) digest.resize(32);
  IA_TRY(check_digest(static_cast<std::uint64_t>(function), digest.size()));
  return Multihash{function, std::move(digest)};
}

Result<Multihash> sha256_stream(const NextPart& next) {
  IA_ASSIGN(Bytes digest, digest_of_stream(next));
  return Multihash{HashFunction::kSha2_256, std::move(digest)};
}

Result<Multihash> hash(HashFunction function, ByteView bytes) { return hash_parts(function, {&bytes, 1}); }

Result<Bytes> full_digest(HashFunction function, ByteView bytes) { return digest_of_parts(function, {&bytes, 1}); }

Result<> check_hash(const Multihash& expected, std::span<const ByteView> parts) {
  IA_TRY(check_digest(static_cast<std::uint64_t>(expected.function), expected.digest.size()));
  IA_ASSIGN(const Bytes actual, digest_of_parts(expected.function, parts));
  return check_digest_bytes(expected, actual);
}

Result<> check_digest_bytes(const Multihash& expected, ByteView digest) {
  IA_TRY(check_digest(static_cast<std::uint64_t>(expected.function), expected.digest.size()));
  if (expected.function != HashFunction::kIdentity) {
    digest = digest.first(std::min(digest.size(), expected.digest.size()));
  }
  if (std::ranges::equal(digest, expected.digest)) return {};
  return fail(ErrorCode::kIntegrity, "the bytes have digest {}, the CID says {}",
              encode_multibase(Base::kBase16, digest.first(std::min<std::size_t>(digest.size(), 64))).substr(1),
              encode_multibase(Base::kBase16, expected.digest).substr(1));
}

}  // namespace ipfs_accelerate::content
