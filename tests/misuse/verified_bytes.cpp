// Bytes that nobody compared with their CID reach no decoder, and nothing but a comparison makes verified ones.
#include "content/block.h"
#include "content/unixfs.h"
#include "host/host.h"

namespace ipfs_accelerate::content {

Result<UnixFsNode> bytes_into_a_decoder(const Cid& cid, const Bytes& bytes) {
#ifdef MISUSE
  return decode_unixfs(bytes);                      // misuse-error {{no matching function for call to 'decode_unixfs'}}
  return decode_unixfs(ByteView(bytes));            // misuse-error {{no matching function for call to 'decode_unixfs'}}
  return decode_unixfs({cid, bytes});               // misuse-error {{calling a private constructor}}
  return decode_unixfs(VerifiedBlock(cid, bytes));  // misuse-error {{calling a private constructor}}
#else
  IA_ASSIGN(const VerifiedBlock block, verify(cid, bytes));
  return decode_unixfs(block);
#endif
}

Result<Bytes> a_block_of_unverified_bytes(const Cid& cid, Bytes bytes) {
#ifdef MISUSE
  const Block block(std::move(bytes), verify(cid, bytes).value());  // misuse-error {{calling a private constructor}}
#else
  IA_ASSIGN(const Block block, Block::make(cid, std::move(bytes)));
#endif
  return Bytes(block.bytes().begin(), block.bytes().end());
}

Result<VerifiedBytes> host_bytes(const Cid& cid, HostBytesRef bytes, const Digest& digest) {
#ifdef MISUSE
  return VerifiedBytes(cid, bytes);                     // misuse-error {{calling a private constructor}}
  return verify(cid, bytes);                            // misuse-error {{no matching function for call to 'verify'}}
  return verify(cid, bytes, cid.hash);                  // misuse-error {{no matching function for call to 'verify'}}
  return verify(cid, bytes, Digest(cid.hash.digest));   // misuse-error {{calling a private constructor}}
  return verify(cid, bytes, host::Hash::digest({}));    // misuse-error {{'digest' is a protected member}}
#else
  return verify(cid, bytes, digest);
#endif
}

/// Verified bytes are not changed behind their CID's back.
void a_change_afterwards(VerifiedBlock& block, VerifiedBytes& bytes, Digest& digest) {
#ifdef MISUSE
  block.bytes()[0] = 1;          // misuse-error {{cannot assign to return value}}
  bytes.bytes() = nullptr;       // misuse-error {{no viable overloaded '='}}
  digest.bytes()[0] = 1;         // misuse-error {{cannot assign to return value}}
  block.bytes_ = ByteView();     // misuse-error {{'bytes_' is a private member}}
#else
  block = VerifiedBlock(block);
  bytes = VerifiedBytes(bytes);
  digest = Digest(digest);
#endif
}

/// A hash port is the one thing that makes digests.
#ifdef MISUSE
struct NotAPort {
#else
struct NotAPort : host::Hash {
  Async<std::vector<Digest>> hash(std::vector<host::HashRequest>) override { co_return std::vector<Digest>{}; }
#endif
  Digest make() { return digest(Bytes(32)); }  // misuse-error {{use of undeclared identifier 'digest'}}
};

}  // namespace ipfs_accelerate::content
