#include "content_ports.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "input/image/picture.h"
#include "page_bytes.h"

namespace ipfs_accelerate::page {
namespace {

using Json = nlohmann::json;

/// Function and digest: CID versions and codecs share bytes.
std::string key_of(const content::Cid& cid) {
  std::string key = std::format("{:02x}-", static_cast<unsigned>(cid.hash.function));
  for (const std::uint8_t byte : cid.hash.digest) key += std::format("{:02x}", byte);
  return key;
}

std::string keys_of(const std::vector<content::Cid>& cids) {
  std::string keys;
  for (const content::Cid& cid : cids) keys += (keys.empty() ? "" : "\n") + key_of(cid);
  return keys;
}

/// A page refuses to say more than 65536 bytes at once, getentropy() more than 256.
constexpr std::size_t kEntropyBytes = 256;

std::size_t digest_bytes(content::HashFunction function) {
  if (function == content::HashFunction::kSha2_256) return 32;
  return function == content::HashFunction::kSha2_512 ? 64 : 0;  // 0: nothing WebCrypto knows
}

host::Files::Kind kind_of(std::string_view kind) {
  using enum host::Files::Kind;
  if (kind == "file") return kFile;
  if (kind == "folder") return kFolder;
  if (kind == "missing") return kMissing;
  if (kind == "circle") return kCircle;
  return kind == "other" ? kOther : kUnreadable;
}

/// What a page gives: red, green, blue, alpha of each pixel. Copied in pieces, so that they are never here twice.
Result<Image> without_alpha(const HostBytes& rgba, int width, int height) {
  IA_ASSIGN(Image image, make_image(width, height));
  Bytes row(4 * static_cast<std::size_t>(width));
  std::uint8_t* out = image.pixels.data();
  for (int y = 0; y < height; ++y) {
    rgba.copy(static_cast<std::uint64_t>(y) * row.size(), row);
    for (std::size_t at = 0; at < row.size(); at += 4, out += 3) std::copy_n(&row[at], 3, out);
  }
  return image;
}

}  // namespace

double PageClock::now() { return emscripten_get_now() / 1000; }

Async<> PageClock::sleep(double seconds, Stop stop) {
  co_await border_.ask({.kind = Kind::sleep, .numbers = {seconds}}, std::move(stop));
}

void PageClock::random(std::span<std::uint8_t> into) {
  for (std::size_t at = 0; at < into.size(); at += kEntropyBytes) {
    getentropy(into.data() + at, std::min(kEntropyBytes, into.size() - at));
  }
}

Async<host::NetAnswer> PageNet::get(host::NetRequest request, Stop stop) {
  Message message{.kind = Kind::fetch,
                  .numbers = {static_cast<double>(request.max_bytes), request.stall_seconds, request.total_seconds,
                              request.follow_redirects ? 1.0 : 0.0, request.revalidate ? 1.0 : 0.0,
                              static_cast<double>(request.max_unstated)},
                  .text = request.url + "\n" + request.accept};
  const Answer answer = co_await border_.ask(std::move(message), std::move(stop));
  co_return host::NetAnswer{static_cast<int>(answer.numbers.at(0)), take_bytes(answer, 1)};
}

Async<std::vector<bool>> PageKeep::has(std::vector<content::Cid> cids) {
  if (cids.empty()) co_return std::vector<bool>();
  const Answer answer = co_await border_.ask({.kind = Kind::keep_has, .text = keys_of(cids)});
  co_return std::vector<bool>(answer.numbers.begin(), answer.numbers.end());
}

Async<std::vector<HostBytesRef>> PageKeep::read(std::vector<content::Cid> cids) {
  std::vector<HostBytesRef> blocks;
  if (cids.empty()) co_return blocks;
  const Answer answer = co_await border_.ask({.kind = Kind::keep_read, .text = keys_of(cids)});
  for (std::size_t i = 0; i < cids.size(); ++i) blocks.push_back(take_bytes(answer, 2 * i));
  co_return blocks;
}

Async<> PageKeep::begin_file(content::FileLayout) { co_return; }

Async<> PageKeep::put(content::VerifiedBytes block) {
  const HostBytesRef& bytes = block.bytes();
  const int handle = handle_of(*bytes);
  const BytesView view = handle != 0 ? BytesView() : BytesView(bytes, 0, bytes->size());
  co_await border_.ask({.kind = Kind::keep_put,
                        .numbers = {static_cast<double>(handle)},
                        .text = key_of(block.cid()),
                        .spans = {span_of(view.view())}});
}

Async<> PageKeep::flush() { co_return; }

Async<> PageKeep::forget(std::vector<content::Cid> cids) {
  co_await border_.ask({.kind = Kind::keep_forget, .text = keys_of(cids)});
}

Async<std::vector<content::Digest>> PageHash::hash(std::vector<host::HashRequest> requests) {
  std::vector<Bytes> digests(requests.size());
  Message message{.kind = Kind::hash};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& [function, bytes] = requests[i];
    const int handle = web_crypto_ ? handle_of(*bytes) : 0;
    const std::size_t size = digest_bytes(function);
    if (handle != 0 && size != 0) {
      digests[i].resize(size);
      message.numbers.push_back(handle);
      message.spans.push_back(span_of(std::span<std::uint8_t>(digests[i])));
      continue;
    }
    const BytesView view(bytes, 0, bytes->size());
    digests[i] = (co_await content::hash(function, view.view())).digest;
  }
  if (!message.spans.empty()) co_await border_.ask(std::move(message));
  std::vector<content::Digest> result;
  for (Bytes& bytes : digests) result.push_back(digest(std::move(bytes)));
  co_return result;
}

Async<host::Files::Listing> PageFiles::list(std::string folder) {
  const Answer answer = co_await border_.ask({.kind = page::Kind::files_list, .text = std::move(folder)});
  const Json json = Json::parse(answer.text, nullptr, false);
  Listing listing{json.value("real", ""), {}};
  for (const Json& entry : json["items"]) {
    listing.items.push_back({entry.value("name", ""), kind_of(entry.value("kind", "")),
                             entry.value("size", std::uint64_t{0}), entry.value("link", "")});
  }
  co_return listing;
}

Async<HostBytesRef> PageFiles::read(std::string folder, std::string path, std::uint64_t offset, std::uint64_t length) {
  const Answer answer = co_await border_.ask({.kind = page::Kind::files_read,
                                              .numbers = {static_cast<double>(offset), static_cast<double>(length)},
                                              .text = folder + "\n" + path});
  co_return take_bytes(answer, 0);
}

Async<Image> PageDecode::picture(HostBytesRef file, Stop stop) {
  const BytesView view(file, 0, file->size());
  const PictureHeader header = co_await read_picture_header(view.view());
  const Bytes plain = plain_picture(view.view());
  const Answer answer = co_await border_.ask(
      {.kind = Kind::picture, .text = std::string(mime_type(header.format)), .spans = {span_of(std::span(plain))}},
      std::move(stop));
  const double width = answer.numbers.at(0), height = answer.numbers.at(1);
  if (width != header.width || height != header.height) {
    co_await fail(ErrorCode::kMalformedMedia, "the picture says that it is {} x {} pixels, and decodes to {} x {}",
                  header.width, header.height, width, height);
  }
  const HostBytesRef rgba = take_bytes(answer, 2);
  co_return upright(co_await without_alpha(*rgba, header.width, header.height), header.orientation);
}

Async<host::Located> NoCatalog::locate(std::string model, Stop) {
  co_await fail(ErrorCode::kNotFound, "'{}' is no CID and no address of a folder", model);
  co_return host::Located{};
}

}  // namespace ipfs_accelerate::page
