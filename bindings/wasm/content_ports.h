// The ports around content, carried out by the page: clock, net, keep, hash, files, decode. Each is a request and its
// answer.
#pragma once

#include "border.h"
#include "host/host.h"

namespace ipfs_accelerate::page {

class PageClock final : public host::Clock {
 public:
  explicit PageClock(Border& border) : border_(border) {}
  double now() override;
  Async<> sleep(double seconds, Stop stop) override;
  void random(std::span<std::uint8_t> into) override;

 private:
  Border& border_;
};

class PageNet final : public host::Net {
 public:
  explicit PageNet(Border& border) : border_(border) {}
  Async<host::NetAnswer> get(host::NetRequest request, Stop stop) override;

 private:
  Border& border_;
};

/// Blocks under their multihash. The page writes each at once, so a flush and a file's layout have nothing to say to
/// it.
class PageKeep final : public host::Keep {
 public:
  PageKeep(Border& border, std::string kind) : border_(border), kind_(std::move(kind)) {}
  std::string kind() const override { return kind_; }
  Async<std::vector<bool>> has(std::vector<content::Cid> cids) override;
  Async<std::vector<HostBytesRef>> read(std::vector<content::Cid> cids) override;
  Async<> begin_file(content::FileLayout layout) override;
  Async<> put(content::VerifiedBytes block) override;
  Async<> flush() override;
  Async<> forget(std::vector<content::Cid> cids) override;

 private:
  Border& border_;
  std::string kind_;
};

/// WebCrypto for what the page keeps; the rest, and everything where a page has no WebCrypto, is hashed in here.
class PageHash final : public host::Hash {
 public:
  PageHash(Border& border, bool web_crypto) : border_(border), web_crypto_(web_crypto) {}
  Async<std::vector<content::Digest>> hash(std::vector<host::HashRequest> requests) override;

 private:
  Border& border_;
  bool web_crypto_;
};

class PageFiles final : public host::Files {
 public:
  explicit PageFiles(Border& border) : border_(border) {}
  Async<Listing> list(std::string folder) override;
  Async<HostBytesRef> read(std::string folder, std::string path, std::uint64_t offset, std::uint64_t length) override;

 private:
  Border& border_;
};

/// The browser's own decoders; Node has none.
class PageDecode final : public host::Decode {
 public:
  explicit PageDecode(Border& border) : border_(border) {}
  Async<Image> picture(HostBytesRef file, Stop stop) override;

 private:
  Border& border_;
};

/// A page knows no names of its own.
class NoCatalog final : public host::Catalog {
 public:
  Async<host::Located> locate(std::string model, Stop stop) override;
};

}  // namespace ipfs_accelerate::page
