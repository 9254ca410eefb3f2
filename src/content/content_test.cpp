// Vectors of the multiformats and UnixFS specifications, and the rules around them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <map>
#include <random>

#include "content/car.h"
#include "content/directory.h"
#include "content/hash.h"
#include "content/multibase.h"
#include "content/murmur3.h"
#include "content/sha2.h"
#include "content/test_blocks.h"
#include "content/unixfs.h"
#include "content/varint.h"

namespace ipfs_accelerate::content {
namespace {

TEST(Varint, Vectors) {
  const std::map<std::uint64_t, std::string> vectors{
      {0, "00"},     {1, "01"},     {127, "7f"},       {128, "8001"},
      {255, "ff01"}, {300, "ac02"}, {16384, "808001"}, {~0ull, "ffffffffffffffffff01"}};
  for (const auto& [value, hex] : vectors) {
    Bytes out;
    put_varint(out, value);
    EXPECT_EQ(out, from_hex(hex));
    std::size_t used = 0;
    EXPECT_EQ(*read_varint(out, used), value);
    EXPECT_EQ(used, out.size());
  }
  for (const char* bad : {"", "80", "8000", "ff00", "ffffffffffffffffff02", "ffffffffffffffffffff01"}) {
    std::size_t used = 0;
    EXPECT_EQ(read_varint(from_hex(bad), used).error().code, ErrorCode::kMalformedBlock) << bad;
  }
}

// multiformats/multibase tests: basic.csv, leading_zero.csv, two_leading_zeros.csv, case_insensitivity.csv
TEST(Multibase, Vectors) {
  struct Case {
    std::string text;
    std::vector<const char*> encodings;
  };
  const std::string yes = "yes mani !";
  const std::vector<Case> cases{
      {yes, {"f796573206d616e692021", "bpfsxgidnmfxgsibb", "k2lcpzo5yikidynfl", "z7paNL19xttacUY", "ueWVzIG1hbmkgIQ"}},
      {'\0' + yes,
       {"f00796573206d616e692021", "bab4wk4zanvqw42jaee", "k02lcpzo5yikidynfl", "z17paNL19xttacUY",
        "uAHllcyBtYW5pICE"}},
      {std::string(2, '\0') + yes,
       {"f0000796573206d616e692021", "baaahszltebwwc3tjeaqq", "k002lcpzo5yikidynfl", "z117paNL19xttacUY",
        "uAAB5ZXMgbWFuaSAh"}},
      {"", {"f", "b", "k", "z", "u"}},
  };
  for (const Case& c : cases) {
    for (const char* encoding : c.encodings) {
      EXPECT_EQ(encode_multibase(static_cast<Base>(encoding[0]), as_bytes(c.text)), encoding);
      const auto decoded = decode_multibase(encoding);
      ASSERT_TRUE(decoded) << encoding;
      EXPECT_EQ(as_text(*decoded), c.text);
    }
  }
  EXPECT_EQ(as_text(*decode_multibase("F68656C6C6F20776F726C64")), "hello world");
  EXPECT_EQ(as_text(*decode_multibase("BNBSWY3DPEB3W64TMMQ")), "hello world");
  EXPECT_EQ(as_text(*decode_multibase("KFUVRSIVVNFRBJWAJO")), "hello world");
  for (const char* bad :
       {"", "x1234", "f1", "fg0", "b1", "ba8", "z0", "zl", "k-", "u=", "uA", "bab4wk4zanvqw42jaef", "Fab", "uAB"}) {
    EXPECT_EQ(decode_multibase(bad).error().code, ErrorCode::kInvalidCid) << bad;
  }
  EXPECT_FALSE(decode_multibase("z" + std::string(1000, '2')));
}

TEST(Hash, PortableShaEqualsOpenSsl) {
  std::mt19937 random(5);
  for (std::size_t size = 0; size < 400; ++size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const std::size_t cut = size == 0 ? 0 : random() % size;
    const std::array<ByteView, 2> parts{ByteView(bytes).first(cut), ByteView(bytes).subspan(cut)};
    const auto short_digest = portable_sha256(parts);
    const auto long_digest = portable_sha512(parts);
    EXPECT_TRUE(std::ranges::equal(short_digest, hash(HashFunction::kSha2_256, bytes)->digest)) << size;
    EXPECT_TRUE(std::ranges::equal(long_digest, hash(HashFunction::kSha2_512, bytes)->digest)) << size;
  }
}

// BLAKE3 test_vectors.json: inputs are 0, 1, ..., 250, 0, 1, ...
TEST(Hash, Blake3Vectors) {
  EXPECT_EQ(hash(HashFunction::kBlake3, {})->digest,
            from_hex("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"));
  Bytes input(1024);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(i % 251);
  EXPECT_EQ(hash(HashFunction::kBlake3, input)->digest,
            from_hex("42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"));
}

TEST(Hash, TruncatedDigestsVerifyAndShortOnesAreRefused) {
  for (const auto function : {HashFunction::kSha2_256, HashFunction::kSha2_512, HashFunction::kBlake3}) {
    Cid cid{.hash = *hash(function, as_bytes("x"))};
    cid.hash.digest.resize(20);
    EXPECT_TRUE(verify(cid, as_bytes("x")));
    EXPECT_EQ(verify(cid, as_bytes("y")).error().code, ErrorCode::kIntegrity);
    cid.hash.digest.resize(19);
    EXPECT_EQ(verify(cid, as_bytes("x")).error().code, ErrorCode::kInvalidCid);
    EXPECT_EQ(Cid::from_bytes(cid.to_bytes()).error().code, ErrorCode::kInvalidCid);
  }
}

TEST(CidText, KnownOnes) {
  const char* v1 = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
  const auto cid = Cid::parse(v1);
  ASSERT_TRUE(cid);
  EXPECT_EQ(cid->codec, Codec::kRaw);
  EXPECT_EQ(cid->text(), v1);
  for (const Base base : {Base::kBase16, Base::kBase32, Base::kBase36, Base::kBase58Btc, Base::kBase64Url}) {
    EXPECT_EQ(*Cid::parse(encode_multibase(base, cid->to_bytes())), *cid);
  }
  const auto v0 = Cid::parse("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
  ASSERT_TRUE(v0);
  EXPECT_EQ(v0->version, 0);
  EXPECT_EQ(v0->text(), "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
  const auto same = Cid::parse("bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
  EXPECT_EQ(v0->key(), same->key());
  EXPECT_NE(*v0, *same);
  EXPECT_TRUE(verify(*v0, from_hex("0a020801")));
  EXPECT_EQ(Cid::parse("bafkqaaa")->hash.function, HashFunction::kIdentity);
}

TEST(CidText, Refused) {
  const auto code = [](std::string_view text) { return Cid::parse(text).error().code; };
  for (const char* bad : {"", "Qm", "bafkrei", "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N0", "hello",
                          // CIDv0 in a multibase, a version 2, bytes that follow
                          "z2DUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "f02550000", "f015500000",
                          "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykuaa"}) {
    EXPECT_EQ(code(bad), ErrorCode::kInvalidCid) << bad;
  }
  EXPECT_EQ(code("f0155110000"), ErrorCode::kUnsupportedHash);                                        // sha1
  EXPECT_EQ(code("f015511140000000000000000000000000000000000000000"), ErrorCode::kUnsupportedHash);  // sha1
}

// The 128-byte limit on identity CIDs, from the UnixFS specification's appendix.
TEST(CidText, IdentityLimit) {
  Cid cid;
  cid.hash = {HashFunction::kIdentity, Bytes(128, 'B')};
  const auto most = Cid::parse(cid.text());
  ASSERT_TRUE(most);
  EXPECT_EQ(Block::from_identity(*most)->bytes().size(), 128u);
  cid.hash.digest.assign(129, 'A');
  EXPECT_TRUE(cid.text().starts_with("bafkqbaibifaucqkbifaucqkbifaucqkb"));
  EXPECT_EQ(Cid::parse(cid.text()).error().code, ErrorCode::kInvalidCid);
  EXPECT_FALSE(verify(cid, cid.hash.digest));
}

TEST(Verify, Limits) {
  EXPECT_EQ(address(1, Codec::kRaw, Bytes(kMaxBlockBytes + 1)).error().code, ErrorCode::kLimitExceeded);
  const Bytes largest(kMaxBlockBytes);
  EXPECT_TRUE(address(1, Codec::kRaw, largest));
  const auto block = address(1, Codec::kRaw, as_bytes("x"));
  EXPECT_EQ(verify(block->cid(), Bytes(kMaxBlockBytes + 1)).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(verify(block->cid(), as_bytes("")).error().code, ErrorCode::kIntegrity);
}

TEST(Murmur3, Vectors) {  // "470.txt" lies in buckets 00, 6E of the specification's HAMT example
  EXPECT_EQ(murmur3_x64_64(as_bytes("470.txt")) >> 56, 0x00u);
  EXPECT_EQ(murmur3_x64_64(as_bytes("470.txt")) >> 48 & 0xff, 0x6eu);
  EXPECT_EQ(murmur3_x64_64(as_bytes("742.txt")) >> 48, 0x00ffu);
  EXPECT_EQ(murmur3_x64_64({}), 0u);
}

// ipld/codec-fixtures: good dag-pb that is no UnixFS.
TEST(DagPb, FixturesThatAreNoUnixFs) {
  const std::map<std::string, std::string> fixtures{
      {"bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", ""},
      {"bafybeihyivpglm6o6wrafbe36fp5l67abmewk7i2eob5wacdbhz7as5obe",
       "12240a2212207521fe19c374a97759226dc5c0c8e674e73950e81b211f7dd3b6b30883a08a51"},
      {"bafybeibh647pmxyksmdm24uad6b5f7tx4dhvilzbg2fiqgzll4yek7g7y4",
       "12340a2212208ab7a6c5e74737878ac73863cb76739d15d4666de44e5756bf55a2f9e9ab5f431209736f6d65206c696e6b1880c2d72f"
       "12370a2212208ab7a6c5e74737878ac73863cb76739d15d4666de44e5756bf55a2f9e9ab5f44120f736f6d65206f74686572206c696e"
       "6b18080a09736f6d652064617461"},
      {"bafybeibazl2z4vqp2tmwcfag6wirmtpnomxknqcgrauj7m2yisrz3qjbom", "0a050001020304"},
      {"bafybeiaqfni3s5s2k2r6rgpxz4hohdsskh44ka5tk6ztbjerqpvxwfkwaq", "0a00"},
      {"bafybeia53f5n75ituvc3yupuf7tdnxf6fqetrmo2alc6g6iljkmk7ys5mm", "120b0a09015500050001020304"},
      {"bafybeifq4hcxma3kjljrpxtunnljtc6tvbkgsy3vldyfpfbx2lij76niyu",
       "12160a090155000500010203041209736f6d65206e616d65"},
      {"bafybeie7fstnkm4yshfwnmpp7d3mlh4f4okmk7a54d6c3ffr755q7qzk44", "120d0a090155000500010203041200"},
      {"bafybeiezymjvhwfuharanxmzxwuomzjjuzqjewjolr4phaiyp6l7qfwo64", "12140a0901550005000102030418ffffffffffffff0f"},
      {"bafybeichjs5otecmbvwh5azdr4jc45mp2qcofh2fr54wjdxhz4znahod2i", "120d0a090155000500010203041800"},
      {"bafybeia2qk4u55f2qj7zimmtpulejgz7urp7rzs44cvledcaj42gltkk3u", "0a03010203"},
      {"bafybeiahfgovhod2uvww72vwdgatl5r6qkoeegg7at2bghiokupfphqcku",
       "120b0a0901550005000102030412100a09015500050001020304120362617212100a090155000500010203041203666f6f"},
      {"bafybeidrg2f6slbv4yzydqtgmsi2vzojajnt7iufcreynfpxndca4z5twm",
       "120b0a09015500050001020304120e0a09015500050001020304120161120e0a09015500050001020304120161"},
      {"bafybeieube7zxmzoc5bgttub2aqofi6xdzimv5munkjseeqccn36a6v6j4",
       "120e0a09015500050001020304120161120e0a09015500050001020304120161"}};
  for (const auto& [name, hex] : fixtures) {
    const Bytes bytes = from_hex(hex);
    const auto block = verify(*Cid::parse(name), bytes);
    ASSERT_TRUE(block) << name;
    EXPECT_TRUE(decode_dag_pb(bytes)) << name;
    EXPECT_EQ(decode_unixfs(*block).error().code, ErrorCode::kMalformedBlock) << name;
  }
}

TEST(DagPb, Refused) {
  for (const char* bad : {"1200",                    // link without Hash
                          "12021200",                // Name alone
                          "120212000a00",            // the same, then Data
                          "0a000a00",                // Data twice
                          "1a00",                    // unknown field
                          "0802",                    // Data as a number
                          "0a05",                    // cut off
                          "0affffffffffffffffff01",  // a length past all ends
                          "120b0a0901550005000102030"
                          "40a00"
                          "120b0a09015500050001020304",      // links on both sides of Data
                          "120d12000a09015500050001020304",  // Name before Hash
                          "120d0a0901550005000102030418"
                          "ff",                                                // Tsize cut off
                          "12160a090155000500010203040a09015500050001020304",  // Hash twice
                          "120a0a080155000500010203",                          // a CID that is cut off
                          "0b", "0900000000000000000a00"}) {
    EXPECT_FALSE(decode_dag_pb(from_hex(bad))) << bad;
  }
  EXPECT_TRUE(decode_dag_pb(from_hex("0a00120b0a09015500050001020304")));  // Data first is allowed
}

TEST(UnixFs, Refused) {
  const std::string link = "120b0a09015500050001020304";
  for (const std::string& bad : std::vector<std::string>{
           "0a00",          // no type
           "0a020806",      // type 6
           "0a020803",      // Metadata
           "0a0408021801",  // says one byte, has none
           "0a080802120141"
           "18021801",         // file size twice
           "0a0408020802",     // type twice
           "0a0408024801",     // unknown field
           "0a0408022001",     // a block size without a link
           link + "0a020802",  // a link without block size
           link + "0a0608022005"
                  "1806",                   // sums differ
           link + "0a06080212012f" + "00",  // cut short
           link + "0a05080412012f",         // symlink with links
           "0a0608052822"
           "3007",  // fan-out 7
           "0a0708052822"
           "308010",  // fan-out 2048
           "0a0608052821"
           "3008",  // another hash
           "0a0908051201ff2822"
           "3008",                        // bits without links
           "0a0408024200",                // mtime without seconds
           "0a0b0802420708011500000000",  // mtime with 0 ns
       }) {
    const Bytes bytes = from_hex(bad);
    const auto block = address(1, Codec::kDagPb, bytes);
    EXPECT_EQ(decode_unixfs(*block).error().code, ErrorCode::kMalformedBlock) << bad;
  }
  const auto cbor = address(1, Codec::kDagCbor, from_hex("a0"));
  EXPECT_EQ(decode_unixfs(*cbor).error().code, ErrorCode::kUnsupportedCodec);
}

TEST(UnixFs, Accepted) {
  const auto node = [](std::string_view hex) {
    const Bytes bytes = from_hex(hex);
    return decode_unixfs(*address(1, Codec::kDagPb, bytes));
  };
  EXPECT_EQ(node("0a020801")->type, UnixFsType::kDirectory);
  EXPECT_EQ(node("0a0408021800")->file_size, 0u);
  EXPECT_EQ(node("0a07080212014118"
                 "01")
                ->data,
            Bytes{'A'});
  EXPECT_EQ(node("0a0708001201411801")->type, UnixFsType::kRaw);
  EXPECT_EQ(as_text(node("0a07080412"
                         "03666f6f")
                        ->data),
            "foo");
  EXPECT_TRUE(node("0a0f080218004207080115010000003801"));
}

TEST(LeafEnvelope, IsWhatTheEncoderWrites) {
  for (const std::size_t size : {0u, 1u, 127u, 128u, 262144u}) {
    const Bytes content(size, 'c');
    const auto envelope = leaf_envelope(size);
    Bytes joined = envelope.before;
    joined.insert(joined.end(), content.begin(), content.end());
    joined.insert(joined.end(), envelope.after.begin(), envelope.after.end());
    EXPECT_EQ(joined, encode_unixfs({.type = UnixFsType::kFile, .data = content, .file_size = size}));
  }
}

TEST(Directory, HamtListsAndFinds) {
  Profile profile = content::profile(ProfileName::kUnixFsV1_2025);
  profile.hamt_threshold = 100;
  for (const int bits : {3, 4, 5, 8, 10}) {
    profile.hamt_bits = bits;
    MemoryBlocks blocks;
    std::vector<Link> entries;
    for (int i = 0; i < 1000; ++i) {
      const auto file = address(1, Codec::kRaw, as_bytes("file"));
      entries.push_back({file->cid(), std::to_string(i) + ".txt", 4});
    }
    const auto root = build_directory(profile, entries, blocks.sink());
    ASSERT_TRUE(root);
    const auto listing = list_directory(root->cid, blocks.getter());
    ASSERT_TRUE(listing) << listing.error().message;
    EXPECT_EQ(listing->entries.size(), 1000u);
    for (const Link& entry : entries) EXPECT_TRUE(find_entry(root->cid, entry.name, blocks.getter())) << entry.name;
    EXPECT_EQ(find_entry(root->cid, "1000.txt", blocks.getter()).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(find_entry(root->cid, "", blocks.getter()).error().code, ErrorCode::kNotFound);
  }
}

TEST(Path, Parsing) {
  const std::string cid = "bafkqaaa";
  EXPECT_EQ(parse_path("/ipfs/" + cid + "/a//b/")->names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parse_path("ipfs://" + cid)->names.size(), 0u);
  EXPECT_EQ(parse_path(cid + "/../x").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(parse_path("").error().code, ErrorCode::kInvalidCid);
}

TEST(Path, Names) {
  const std::string cid = "bafkqaaa";
  for (const std::string text : {"bafkqaaa", "/ipfs/bafkqaaa", "ipfs://bafkqaaa/", "/ipfs/bafkqaaa//"}) {
    const Result<Name> name = parse_name(text);
    ASSERT_TRUE(name) << text;
    EXPECT_TRUE(name->cid) << text;
    EXPECT_EQ(name->text, cid) << text;
  }
  EXPECT_EQ(parse_name("ipfs://" + cid + "/a%20b/c")->text, cid + "/a b/c");
  EXPECT_EQ(parse_name(cid + "/a%20b")->text, cid + "/a%20b");
  const Result<Name> other = parse_name("models/bert/");
  EXPECT_TRUE(other && !other->cid);
  EXPECT_EQ(other->text, "models/bert");
  EXPECT_EQ(parse_name("/ipfs/bert").error().code, ErrorCode::kInvalidCid);
  EXPECT_EQ(parse_name("ipfs://").error().code, ErrorCode::kInvalidCid);
  EXPECT_EQ(parse_name("").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(parse_name("hf:bert-base").error().code, ErrorCode::kInvalidArgument);
}

// carv1-basic header: two roots, version 1.
TEST(Car, HeaderAndSections) {
  const auto a = address(1, Codec::kRaw, as_bytes("aaa"));
  const std::vector<Cid> roots{a->cid(), *Cid::parse("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")};
  Bytes car = car_header(roots);
  EXPECT_EQ(car[0], car.size() - 1);
  const Bytes section = car_section_header(a->cid(), 3);
  car.insert(car.end(), section.begin(), section.end());
  car.insert(car.end(), {'a', 'a', 'a'});
  auto reader = CarReader::open(read_from(car));
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(reader->roots(), roots);
  const auto first = reader->next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(as_text(reader->read(**first)->bytes()), "aaa");
  EXPECT_FALSE(reader->next()->has_value());
  for (std::size_t size = 0; size < car.size(); ++size) {
    auto cut = CarReader::open(read_from(ByteView(car).first(size)));
    if (!cut) continue;
    const auto one = cut->next();
    EXPECT_TRUE(!one || !one->has_value()) << size;
  }
}

TEST(Car, Refused) {
  for (const char* bad : {"", "00", "01a0", "0aa16776657273696f6e02", "ffffffffffffffff7f", "0aa16776657273696f6e01",
                          "11a265726f6f7473806776657273696f6e03", "12a265726f6f7473806776657273696f6e1801",
                          "12a265726f6f7473806776657273696f6e0100", "10bf65726f6f7473806776657273696f6e01"}) {
    EXPECT_FALSE(CarReader::open(read_from(from_hex(bad)))) << bad;
  }
  EXPECT_TRUE(CarReader::open(read_from(from_hex("11a265726f6f7473806776657273696f6e01"))));
}

}  // namespace
}  // namespace ipfs_accelerate::content
