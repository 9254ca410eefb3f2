// Bytes that nobody compared with their CID reach no decoder, and nothing but a comparison makes verified ones.
#include "content/block.h"
#include "content/unixfs.h"
#include "host/host.h"

namespace ipfs_accelerate::content {

Result<UnixFsNode> bytes_into_a_decoder(const Cid& cid, const Bytes& bytes) {
#ifdef MISUSE
  // misuse-error@+2 {{no matching function for call to 'decode_unixfs'}}
  // misuse-note-re@content/unixfs.h:* {{no known conversion from 'const Bytes' {{.*}} to 'const VerifiedBlock'}}
  return decode_unixfs(bytes);
  // misuse-error@+2 {{no matching function for call to 'decode_unixfs'}}
  // misuse-note-re@content/unixfs.h:* {{no known conversion from 'ByteView' {{.*}} to 'const VerifiedBlock'}}
  return decode_unixfs(ByteView(bytes));
  // misuse-error@+1 {{private constructor of class 'ipfs_accelerate::content::VerifiedBlock'}}
  return decode_unixfs({cid, bytes});
  // misuse-error@+1 {{private constructor of class 'ipfs_accelerate::content::VerifiedBlock'}}
  return decode_unixfs(VerifiedBlock(cid, bytes));
#else
  IA_ASSIGN(const VerifiedBlock block, verify(cid, bytes));
  return decode_unixfs(block);
#endif
}

Result<Bytes> a_block_of_unverified_bytes(const Cid& cid, Bytes bytes) {
#ifdef MISUSE
  // misuse-error@+1 {{private constructor of class 'ipfs_accelerate::content::Block'}}
  const Block block(std::move(bytes), verify(cid, bytes).value());
#else
  IA_ASSIGN(const Block block, Block::make(cid, std::move(bytes)));
#endif
  return Bytes(block.bytes().begin(), block.bytes().end());
}

Result<VerifiedBytes> host_bytes(const Cid& cid, HostBytesRef bytes, const Digest& digest) {
#ifdef MISUSE
  // misuse-error@+1 {{private constructor of class 'ipfs_accelerate::content::VerifiedBytes'}}
  return VerifiedBytes(cid, bytes);
  // misuse-error@+2 {{no matching function for call to 'verify'}}
  // misuse-note@content/cid.h:* {{requires 3 arguments, but 2 were provided}}
  return verify(cid, bytes);
  // misuse-error@+2 {{no matching function for call to 'verify'}}
  // misuse-note@content/cid.h:* {{no known conversion from 'const Multihash' to 'const Digest'}}
  return verify(cid, bytes, cid.hash);
  // misuse-error@+1 {{private constructor of class 'ipfs_accelerate::content::Digest'}}
  return verify(cid, bytes, Digest(cid.hash.digest));
  // misuse-error@+1 {{'digest' is a protected member of 'ipfs_accelerate::host::Hash'}}
  return verify(cid, bytes, host::Hash::digest({}));
#else
  return verify(cid, bytes, digest);
#endif
}

/// Verified bytes are not changed behind their CID's back.
void a_change_afterwards(VerifiedBlock& block, VerifiedBytes& bytes, Digest& digest) {
#ifdef MISUSE
  block.bytes()[0] = 1;       // misuse-error {{'operator[]' returns a const value}}
  // misuse-error@+2 {{no viable overloaded '='}}
  // misuse-note@*:* 1+ {{'this' argument has type 'const HostBytesRef'}}
  bytes.bytes() = nullptr;
  digest.bytes()[0] = 1;      // misuse-error {{'operator[]' returns a const value}}
  // misuse-error@+1 {{'bytes_' is a private member of 'ipfs_accelerate::content::VerifiedBlock'}}
  block.bytes_ = ByteView();
#else
  block = VerifiedBlock(block);
  bytes = VerifiedBytes(bytes);
  digest = Digest(digest);
#endif
}

/// A hash port is the one thing that makes digests.
#ifdef MISUSE
struct NotAPort {
  // misuse-error@+1 {{'digest' is a protected member of 'ipfs_accelerate::host::Hash'}}
  Digest make() { return host::Hash::digest(Bytes(32)); }
};
#else
struct APort : host::Hash {
  Async<std::vector<Digest>> hash(std::vector<host::HashRequest>) override { co_return std::vector<Digest>{}; }
  Digest make() { return digest(Bytes(32)); }
};
#endif

}  // namespace ipfs_accelerate::content
