// IPIP-499: the published CIDs of both profiles, from inputs made of ChaCha20 keystream.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "content/directory.h"
#include "content/file_dag.h"

namespace ipfs_accelerate::content {
namespace {

// Keystream of key sha256(seed) and nonce zero, as the vectors' authors make their inputs.
class Keystream {
 public:
  explicit Keystream(std::string_view seed) : context_(EVP_CIPHER_CTX_new()) {
    const auto key = hash(HashFunction::kSha2_256, as_bytes(seed));
    const std::uint8_t counter_and_nonce[16] = {};
    EVP_EncryptInit_ex(context_, EVP_chacha20(), nullptr, key->digest.data(), counter_and_nonce);
  }
  ~Keystream() { EVP_CIPHER_CTX_free(context_); }
  ByteView next(std::size_t count) {
    zeros_.resize(count);
    out_.resize(count);
    int written = 0;
    EVP_EncryptUpdate(context_, out_.data(), &written, zeros_.data(), static_cast<int>(count));
    return out_;
  }

 private:
  EVP_CIPHER_CTX* context_;
  Bytes zeros_, out_;
};

const BlockSink kDrop = [](const VerifiedBlock&) -> Result<> { return {}; };

std::string file_cid(ProfileName name, std::string_view seed, std::uint64_t size) {
  const Profile& p = profile(name);
  Keystream stream(seed);
  FileBuilder builder(p, kDrop);
  while (size > 0) {
    const ByteView chunk = stream.next(std::min<std::uint64_t>(size, p.chunk_bytes));
    EXPECT_TRUE(builder.add_leaf(*leaf_cid(p, chunk), chunk.size()));
    size -= chunk.size();
  }
  return builder.finish()->cid.text();
}

std::string text_cid(ProfileName name, std::string_view text) {
  FileBuilder builder(profile(name), kDrop);
  EXPECT_TRUE(builder.add_leaf(*leaf_cid(profile(name), as_bytes(text)), text.size()));
  return builder.finish()->cid.text();
}

std::string directory_cid(ProfileName name, int files, int length, int last_length, std::string_view seed) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz01234567890-_";
  Keystream stream(seed);
  const ByteView letters = stream.next(1u << 20);
  FileBuilder builder(profile(name), kDrop);
  EXPECT_TRUE(builder.add_leaf(*leaf_cid(profile(name), as_bytes("x")), 1));
  Link file = *builder.finish();
  std::vector<Link> entries;
  std::size_t at = 0;
  for (int i = 0; i < files; ++i) {
    file.name.clear();
    for (int k = 0; k < (i + 1 == files ? last_length : length); ++k) {
      file.name += kAlphabet[letters[at++] % kAlphabet.size()];
    }
    entries.push_back(file);
  }
  auto link = build_directory(profile(name), std::move(entries), kDrop);
  return link ? link->cid.text() : link.error().message;
}

constexpr auto kV0 = ProfileName::kUnixFsV0_2015;
constexpr auto kV1 = ProfileName::kUnixFsV1_2025;
constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB;

TEST(Ipip499, SmallFiles) {
  EXPECT_EQ(text_cid(kV0, "hello world"), "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
  EXPECT_EQ(text_cid(kV1, "hello world"), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
  EXPECT_EQ(text_cid(kV0, ""), "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH");
  EXPECT_EQ(text_cid(kV1, ""), "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
}

TEST(Ipip499, ChunkEdgeV0) {
  EXPECT_EQ(file_cid(kV0, "chunk-v0-seed", 256 * kKiB), "QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE");
  EXPECT_EQ(file_cid(kV0, "chunk-v0-seed", 256 * kKiB + 1), "QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ");
}

TEST(Ipip499, ChunkEdgeV1) {
  EXPECT_EQ(file_cid(kV1, "chunk-v1-seed", kMiB), "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta");
  EXPECT_EQ(file_cid(kV1, "chunk-v1-seed", kMiB + 1), "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64");
}

TEST(Ipip499, WidthEdgeV0) {
  const std::uint64_t full = 174 * 256 * kKiB;
  EXPECT_EQ(file_cid(kV0, "v0-seed", full), "QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2");
  EXPECT_EQ(file_cid(kV0, "v0-seed", full + 1), "QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW");
  EXPECT_EQ(file_cid(kV0, "v0-seed", full + 256 * kKiB), "QmepeWtdmS1hHXx1oZXsPUv6bMrfRRKfZcoPPU4eEfjnbf");
}

TEST(Ipip499, WidthEdgeV1) {
  const std::uint64_t full = 1024 * kMiB;
  EXPECT_EQ(file_cid(kV1, "v1-2025-seed", full), "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm");
  EXPECT_EQ(file_cid(kV1, "v1-2025-seed", full + 1), "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe");
  EXPECT_EQ(file_cid(kV1, "v1-2025-seed", full + kMiB), "bafybeihmzokxxjqwxjcryerhp5ezpcog2wcawfryb2xm64xiakgm4a5jue");
}

TEST(Ipip499, EmptyFolders) {
  EXPECT_EQ(build_directory(profile(kV0), {}, kDrop)->cid.text(), "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
  EXPECT_EQ(build_directory(profile(kV1), {}, kDrop)->cid.text(),
            "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
}

TEST(Ipip499, FolderEdgeV0) {
  constexpr std::string_view kSeed = "hamt-unixfs-v0-2015";
  EXPECT_EQ(directory_cid(kV0, 4096, 30, 30, kSeed), "QmX5GtRk3TSSEHtdrykgqm4eqMEn3n2XhfkFAis5fjyZmN");
  EXPECT_EQ(directory_cid(kV0, 4033, 31, 31, kSeed), "QmeMiJzmhpJAUgynAcxTQYek5PPKgdv3qEvFsdV3XpVnvP");
}

TEST(Ipip499, FolderEdgeV1) {
  constexpr std::string_view kSeed = "hamt-unixfs-v1-2025";
  EXPECT_EQ(directory_cid(kV1, 4766, 11, 21, kSeed), "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4");
  EXPECT_EQ(directory_cid(kV1, 4766, 11, 22, kSeed), "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu");
}

}  // namespace
}  // namespace ipfs_accelerate::content
