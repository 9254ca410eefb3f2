// Imports by address and from a disk: the same CIDs as `add`, bytes that can be read afterwards, honest errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fetch/import.h"
#include "scripted/scripted_host.h"
#include "weights/weights.h"

namespace ipfs_accelerate::fetch {
namespace {

using scripted::Answer;
using scripted::noise;
using scripted::Origin;
using scripted::ScriptedHost;
using Kind = host::Files::Kind;
using testing::HasSubstr;

const WantedFiles kWanted = {{"config.json", "tokenizer.json", "1_Pooling/config.json"},
                             "model.safetensors",
                             "model.safetensors.index.json",
                             sharded_file_names};
const std::string kUrl = "https://models.test/some model";

Bytes text(std::string_view text) { return {text.begin(), text.end()}; }

Async<Bytes> read_all(Fetcher& fetcher, Cid folder, std::string path) {
  const auto file = co_await fetcher.open(folder, path, Stop());
  if (!file) co_await fail(ErrorCode::kNotFound, "no {}", path);
  const BytesView bytes = co_await file->read({0, file->size()}, Stop());
  co_return Bytes(bytes.view().begin(), bytes.view().end());
}

const Origin::Files kFiles = {{"config.json", text("{}")},
                              {"1_Pooling/config.json", text("{\"a\": 1}")},
                              {"model.safetensors", noise(3'000'000, 1)}};

void serve(ScriptedHost& host, const std::string& base, const Origin::Files& files) {
  host.answer(base, [](const std::string&, int) { return Answer{.status = 404}; });
  for (const auto& [path, content] : files) host.serve(base + "/" + path, content);
}

TEST(UrlImport, TheFolderHasTheCidThatAddGives) {
  for (const bool addressable : {true, false}) {
    ScriptedHost host(addressable);
    serve(host, kUrl, kFiles);
    Fetcher fetcher(host.host(), {});
    const auto root = host.run(import_url_folder(host.host(), fetcher, kUrl, kWanted, Stop()));
    ASSERT_TRUE(root) << root.error().message;
    EXPECT_EQ(*root, Origin().add_folder(kFiles));
    for (const auto& [path, content] : kFiles) EXPECT_EQ(*host.run(read_all(fetcher, *root, path)), content) << path;
    Fetcher later(host.host(), {});
    EXPECT_EQ(*host.run(read_all(later, *root, "model.safetensors")), kFiles.at("model.safetensors"));
  }
}

TEST(UrlImport, WithoutRoomBlocksStayInMemory) {
  ScriptedHost host;
  host.full_after = 1'500'000;
  serve(host, kUrl, kFiles);
  Fetcher fetcher(host.host(), {});
  const auto root = host.run(import_url_folder(host.host(), fetcher, kUrl, kWanted, Stop()));
  ASSERT_TRUE(root);
  EXPECT_TRUE(fetcher.figures().quota_exceeded);
  for (const auto& [path, content] : kFiles) EXPECT_EQ(*host.run(read_all(fetcher, *root, path)), content) << path;
}

TEST(UrlImport, Shards) {
  Origin::Files files = {{"config.json", text("{}")},
                         {"model.safetensors.index.json",
                          text(R"({"weight_map": {"x": "model-1.safetensors", "y": "model-2.safetensors"}})")},
                         {"model-1.safetensors", noise(100, 1)},
                         {"model-2.safetensors", noise(100, 2)}};
  ScriptedHost host;
  serve(host, kUrl, files);
  Fetcher fetcher(host.host(), {});
  EXPECT_EQ(*host.run(import_url_folder(host.host(), fetcher, kUrl, kWanted, Stop())), Origin().add_folder(files));
  files["model.safetensors.index.json"] = text(R"({"weight_map": {"x": "../../etc/passwd"}})");
  serve(host, kUrl, files);
  EXPECT_EQ(host.run(import_url_folder(host.host(), fetcher, kUrl, kWanted, Stop())).error().code,
            ErrorCode::kMalformedWeights);
}

// A server that never ends must not fill the memory: only weights are large.
TEST(UrlImport, SmallFilesAreSmall) {
  const Bytes large(65u << 20);
  ScriptedHost host;
  Fetcher fetcher(host.host(), {});
  serve(host, kUrl, {{"config.json", text("{}")}, {"model.safetensors", large}});
  EXPECT_TRUE(host.run(import_url_folder(host.host(), fetcher, kUrl, kWanted, Stop())));
  serve(host, kUrl, {{"config.json", large}});
  const auto imported = host.run(import_url_folder(host.host(), fetcher, kUrl, kWanted, Stop()));
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, ErrorCode::kLimitExceeded);
}

TEST(UrlImport, WeightsWithoutEndEndBeforeTheMemoryDoes) {
  ScriptedHost host;
  Fetcher fetcher(host.host(), {});
  serve(host, kUrl, {{"config.json", text("{}")}});
  host.answer(kUrl + "/model.safetensors",
              [](const std::string&, int) { return Answer{.kind = Answer::Kind::kEndless}; });
  const auto imported = host.run(import_url_folder(host.host(), fetcher, kUrl, kWanted, Stop()));
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, ErrorCode::kLimitExceeded);
  EXPECT_THAT(imported.error().message, HasSubstr("2147483648"));
}

TEST(UrlImport, Errors) {
  ScriptedHost host;
  Fetcher fetcher(host.host(), {});
  const auto code = [&] {
    return host.run(import_url_folder(host.host(), fetcher, kUrl, kWanted, Stop())).error().code;
  };
  EXPECT_EQ(code(), ErrorCode::kUnreachable);
  serve(host, kUrl, {});
  EXPECT_EQ(code(), ErrorCode::kNotFound);
  host.answer(kUrl, [](const std::string&, int) { return Answer{.body = text("<!DOCTYPE html><p>No such page")}; });
  EXPECT_EQ(code(), ErrorCode::kNotFound);
  host.answer(kUrl, [](const std::string&, int) { return Answer{.status = 500}; });
  EXPECT_EQ(code(), ErrorCode::kSourceError);
  host.answer(kUrl, [](const std::string&, int) { return Answer{.kind = Answer::Kind::kStall}; });
  EXPECT_EQ(code(), ErrorCode::kTimeout);
}

struct DiskImport : testing::Test {
  ScriptedHost host;
  Fetcher fetcher{host.host(), {}};
  DiskImport() {
    for (const auto& [path, content] : kFiles) host.disk["/models/x/" + path] = content;
    host.disk["/models/x/.git/config"] = text("hidden");
    host.disk["/models/other/config.json"] = text("not ours");
  }
  Result<Cid> import(std::string folder = "/models/x") {
    return host.run(import_disk_folder(host.host(), fetcher, std::move(folder), Stop()));
  }
  void refused(ErrorCode code, std::string_view why) {
    const auto root = import();
    ASSERT_FALSE(root);
    EXPECT_EQ(root.error().code, code);
    EXPECT_THAT(root.error().message, HasSubstr(why));
  }
};

TEST_F(DiskImport, NothingIsCopied) {
  const auto root = import();
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(*root, Origin().add_folder(kFiles));
  EXPECT_EQ(host.kept_blocks(), 0u);
  for (const auto& [path, content] : kFiles) EXPECT_EQ(*host.run(read_all(fetcher, *root, path)), content) << path;
  EXPECT_EQ(host.kept_blocks(), 0u);
}

TEST_F(DiskImport, WhatLinksLeadToStandsInTheirPlace) {
  Origin::Files files = kFiles;
  files["link.json"] = files.at("config.json");
  for (const char* folder : {"linked/", "also/twice/"}) files[folder + std::string("config.json")] = text("not ours");
  host.links["/models/x/link.json"] = "config.json";
  host.links["/models/x/linked"] = "/models/other";
  host.links["/models/x/also/twice"] = "../linked";  // not a loop: the same folder beside itself
  const auto root = import();
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(*root, Origin().add_folder(files));
  for (const auto& [path, content] : files) EXPECT_EQ(*host.run(read_all(fetcher, *root, path)), content) << path;
}

// As the Hugging Face hub lays out its cache: the snapshot holds links, the blobs lie beside it.
TEST_F(DiskImport, AHubsCache) {
  int blobs = 0;
  for (const auto& [path, content] : kFiles) {
    const std::string blob = std::format("/hub/blobs/{}", blobs++);
    host.disk[blob] = content;
    host.links["/hub/snapshots/abc/" + path] = (path.contains('/') ? "../../.." : "../..") + blob.substr(4);
  }
  const auto root = import("/hub/snapshots/abc");
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(*root, Origin().add_folder(kFiles));
  for (const auto& [path, content] : kFiles) EXPECT_EQ(*host.run(read_all(fetcher, *root, path)), content) << path;
  host.links["/given"] = "/hub/snapshots/abc";
  EXPECT_EQ(*import("/given"), *root);
}

TEST_F(DiskImport, HiddenNamesAreNotLookedAt) {
  const Cid plain = *import();
  host.links["/models/x/.broken"] = "nowhere";
  host.devices["/models/x/.socket"] = Kind::kOther;
  host.trace.clear();
  EXPECT_EQ(*import(), plain);
  EXPECT_EQ(host.traced().find("/."), std::string::npos) << host.traced();
}

TEST_F(DiskImport, LinksThatLeadNowhere) {
  host.links["/models/x/tokenizer.json"] = "../gone";
  refused(ErrorCode::kNotFound, "link /models/x/tokenizer.json points to ../gone");
  host.links = {{"/models/x/a", "b"}, {"/models/x/b", "a"}};
  refused(ErrorCode::kInvalidArgument, "link /models/x/a points to itself");
}

TEST_F(DiskImport, LoopsAndCrossingLinks) {
  host.links["/models/x/1_Pooling/up"] = "..";
  refused(ErrorCode::kInvalidArgument, "/models/x/1_Pooling/up leads back");
  host.links.clear();
  for (int i = 0; i < 20; ++i) {  // 2^20 paths
    for (const char* name : {"l", "r"}) {
      host.links[std::format("/models/cross/{}/{}", i, name)] = std::format("/models/cross/{}", i + 1);
    }
  }
  host.disk["/models/cross/20/end"] = text("x");
  host.links["/models/x/cross"] = "../cross/0";
  refused(ErrorCode::kLimitExceeded, "more than 4096 symbolic links");
}

TEST_F(DiskImport, DepthHasALimit) {
  std::string path;
  for (int i = 0; i < 128; ++i) path += "d/";
  Origin::Files files = kFiles;
  files[path + "end"] = host.disk["/models/x/" + path + "end"] = text("x");
  const auto root = import();
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(*root, Origin().add_folder(files));
  host.disk["/models/x/" + path + "d/end"] = text("x");
  refused(ErrorCode::kLimitExceeded, "deeper than 128 folders");
}

TEST_F(DiskImport, WhatIsNoFileIsRefusedByName) {
  host.devices["/dev/null"] = Kind::kOther;
  host.links["/models/x/null"] = "/dev/null";
  refused(ErrorCode::kInvalidArgument, "/models/x/null is no file");
  host.links.clear();
  host.devices["/models/x/secret"] = Kind::kUnreadable;
  refused(ErrorCode::kIo, "/models/x/secret cannot be read");
}

TEST_F(DiskImport, AChangedFileIsNoticed) {
  const Cid root = *import();
  host.disk["/models/x/model.safetensors"][2'000'000] ^= 1;
  const auto read = host.run(read_all(fetcher, root, "model.safetensors"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kIntegrity);
  EXPECT_THAT(read.error().message, HasSubstr("changed"));
  host.disk["/models/x/model.safetensors"].resize(10);
  EXPECT_EQ(host.run(read_all(fetcher, root, "model.safetensors")).error().code, ErrorCode::kIntegrity);
}

TEST_F(DiskImport, AFolderThatIsNoModelIsNotRead) {
  host.disk.erase("/models/x/config.json");
  host.trace.clear();
  const auto root = import();
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(root.error().message, HasSubstr("config.json"));
  EXPECT_EQ(host.traced().find("read"), std::string::npos) << host.traced();
}

TEST_F(DiskImport, NoFolder) {
  EXPECT_EQ(host.run(import_disk_folder(host.host(), fetcher, "/models/none", Stop())).error().code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace ipfs_accelerate::fetch
