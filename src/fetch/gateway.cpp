// A trustless gateway over libcurl: one raw block per request, bytes counted, addresses checked when connecting.
#include <curl/curl.h>

#include <mutex>
#include <optional>

#include "fetch/address.h"
#include "fetch/fetch.h"

namespace ipfs_accelerate::fetch {
namespace {

using Clock = std::chrono::steady_clock;

// One request's state, seen by the callbacks.
struct Transfer {
  const GatewayOptions& options;
  std::stop_token cancel;
  Bytes body{};
  Clock::time_point last_byte = Clock::now();
  curl_off_t seen = 0;
  bool too_large = false, stalled = false, forbidden = false;
};

std::size_t on_body(char* data, std::size_t one, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t size = one * count;
  if (size > content::kMaxBlockBytes - transfer.body.size()) {  // headers are not believed: bytes are counted
    transfer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(data);
  transfer.body.insert(transfer.body.end(), bytes, bytes + size);
  return size;
}

int on_progress(void* user, curl_off_t, curl_off_t now, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (now != transfer.seen) {
    transfer.seen = now;
    transfer.last_byte = Clock::now();
  }
  transfer.stalled = Clock::now() - transfer.last_byte > transfer.options.stall_timeout;
  return transfer.stalled || transfer.cancel.stop_requested();
}

// Called with the address that is about to be connected to, after the name was resolved.
curl_socket_t on_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.options.allow_local && !is_public_address(address->addr)) {
    transfer.forbidden = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

struct CurlDelete {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURL, CurlDelete>;

class Gateway final : public Source {
 public:
  Gateway(std::string base, GatewayOptions options) : base_(std::move(base)), options_(options) {}
  std::string_view kind() const override { return "ipfs"; }
  std::string name() const override { return base_; }

  Result<Bytes> get(const Cid& cid, std::stop_token cancel) override {
    Handle handle = take_handle();
    if (!handle) return fail(ErrorCode::kOutOfMemory, "no room for a connection to {}", base_);
    Transfer transfer{.options = options_, .cancel = std::move(cancel)};
    const std::string url = base_ + "/ipfs/" + cid.text() + "?format=raw";
    prepare(handle.get(), url, transfer);
    const CURLcode code = curl_easy_perform(handle.get());
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    auto result = judge(code, status, transfer, cid);
    if (code == CURLE_OK) give_back(std::move(handle));
    return result;
  }

 private:
  Handle take_handle() {
    const std::scoped_lock guard(mutex_);
    if (idle_.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }

  void give_back(Handle handle) {  // with its connection, for the next request
    const std::scoped_lock guard(mutex_);
    if (idle_.size() < kInFlight) idle_.push_back(std::move(handle));
  }

  void prepare(CURL* handle, const std::string& url, Transfer& transfer) {
    const auto total = 4 * options_.stall_timeout;  // a trickle is as bad as nothing
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, accept_.get());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_PROXY, "");  // through a proxy the address could not be checked
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(total.count()));
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &transfer);
  }

  Result<Bytes> judge(CURLcode code, long status, Transfer& transfer, const Cid& cid) const {
    if (transfer.cancel.stop_requested()) return fail(ErrorCode::kCancelled, "fetching {} was cancelled", cid.text());
    if (transfer.forbidden) {
      return fail(ErrorCode::kForbiddenAddress, "{} is a local address; allow local gateways to use it", base_);
    }
    if (transfer.too_large) {
      return fail(ErrorCode::kLimitExceeded, "{} sent more than {} bytes for block {}", base_, content::kMaxBlockBytes,
                  cid.text());
    }
    if (transfer.stalled || code == CURLE_OPERATION_TIMEDOUT) {
      return fail(ErrorCode::kTimeout, "{} stopped sending block {} after {} bytes", base_, cid.text(),
                  transfer.body.size());
    }
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT) {
      return fail(ErrorCode::kUnreachable, "no connection to {}: {}", base_, curl_easy_strerror(code));
    }
    if (code != CURLE_OK) {
      return fail(ErrorCode::kSourceError, "{} failed for block {} after {} bytes: {}", base_, cid.text(),
                  transfer.body.size(), curl_easy_strerror(code));
    }
    if (status == 200) return std::move(transfer.body);
    const bool missing = status == 404 || status == 410 || status == 403 || status == 451 || status == 412 ||
                         (status >= 300 && status < 400);  // a redirect is not followed: it could lead anywhere
    return fail(missing ? ErrorCode::kNotFound : ErrorCode::kSourceError, "{} answered {} for block {}", base_, status,
                cid.text());
  }

  const std::string base_;
  const GatewayOptions options_;
  const std::unique_ptr<curl_slist, CurlDelete> accept_{curl_slist_append(nullptr, "Accept: application/vnd.ipld.raw")};
  std::mutex mutex_;
  std::vector<Handle> idle_;
};

class StoreSource final : public Source {
 public:
  explicit StoreSource(std::shared_ptr<store::Store> store) : store_(std::move(store)) {}
  std::string_view kind() const override { return "cache"; }
  std::string name() const override { return store_->root().string(); }
  Result<Bytes> get(const Cid& cid, std::stop_token) override {
    IA_ASSIGN(const Block block, store_->get_block(cid));
    return Bytes(block.bytes().begin(), block.bytes().end());
  }

 private:
  std::shared_ptr<store::Store> store_;
};

std::optional<std::string> url_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return std::nullopt;
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

Result<std::shared_ptr<Source>> gateway(std::string_view url, const GatewayOptions& options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return fail(ErrorCode::kInternal, "libcurl did not start: {}", curl_easy_strerror(ready));
  const std::unique_ptr<CURLU, CurlDelete> parsed(curl_url());
  const std::string text(url);
  const bool is_url = curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  const auto scheme = url_part(parsed.get(), CURLUPART_SCHEME);
  const bool plain = is_url && (scheme == "http" || scheme == "https") && !url_part(parsed.get(), CURLUPART_USER) &&
                     !url_part(parsed.get(), CURLUPART_QUERY) && !url_part(parsed.get(), CURLUPART_FRAGMENT) &&
                     url_part(parsed.get(), CURLUPART_PATH).value_or("/") == "/";
  if (!plain) {
    return fail(ErrorCode::kInvalidArgument, "\"{}\" is no gateway; write it as http://host:port or https://host", url);
  }
  std::string base = *scheme + "://" + url_part(parsed.get(), CURLUPART_HOST).value_or("");
  if (const auto port = url_part(parsed.get(), CURLUPART_PORT)) base += ":" + *port;
  return std::make_shared<Gateway>(std::move(base), options);
}

std::shared_ptr<Source> store_source(std::shared_ptr<store::Store> store) {
  return std::make_shared<StoreSource>(std::move(store));
}

}  // namespace ipfs_accelerate::fetch
