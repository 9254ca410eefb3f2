#include "host/native/net.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <chrono>

#include "host/native/address.h"

namespace ipfs_accelerate::host {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// One request's state, seen by curl's callbacks.
struct Transfer {
  const NetRequest& request;
  const Stop& stop;
  Bytes body{};
  SteadyClock::time_point last_byte = SteadyClock::now();
  curl_off_t seen = 0;
  bool too_large = false, stalled = false, forbidden = false;
};

std::size_t on_body(char* data, std::size_t one, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t size = one * count;
  if (size > transfer.request.max_bytes - transfer.body.size()) {  // headers are not believed: bytes are counted
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
    transfer.last_byte = SteadyClock::now();
  }
  const std::chrono::duration<double> silent = SteadyClock::now() - transfer.last_byte;
  transfer.stalled = silent.count() > transfer.request.stall_seconds;
  return transfer.stalled || transfer.stop.requested();
}

/// Called with the address that is about to be connected to, after the name was resolved.
curl_socket_t on_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.request.allow_local && !is_public_address(address->addr)) {
    transfer.forbidden = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

struct CurlDelete {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, CurlDelete>;

long milliseconds(double seconds) { return static_cast<long>(seconds * 1e3); }

void prepare(CURL* handle, Transfer& transfer, const Headers& headers) {
  const NetRequest& request = transfer.request;
  curl_easy_reset(handle);  // its connections stay
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");  // through a proxy the address could not be checked
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connect_seconds));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds(request.total_seconds));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &transfer);
}

Result<NetAnswer> judge(CURLcode code, long status, Transfer& transfer) {
  const std::string& url = transfer.request.url;
  if (transfer.stop.requested()) return fail(ErrorCode::kCancelled, "the caller asked to stop");
  if (transfer.forbidden) {
    return fail(ErrorCode::kForbiddenAddress, "{} has a local address; allow local gateways to use it", url);
  }
  if (transfer.too_large) {
    return fail(ErrorCode::kLimitExceeded, "{} sent more than {} bytes", url, transfer.request.max_bytes);
  }
  if (transfer.stalled || code == CURLE_OPERATION_TIMEDOUT) {
    return fail(ErrorCode::kTimeout, "{} stopped sending after {} bytes", url, transfer.body.size());
  }
  if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT) {
    return fail(ErrorCode::kUnreachable, "no connection to {}: {}", url, curl_easy_strerror(code));
  }
  if (code != CURLE_OK) {
    return fail(ErrorCode::kSourceError, "{} failed after {} bytes: {}", url, transfer.body.size(),
                curl_easy_strerror(code));
  }
  return NetAnswer{static_cast<int>(status), own_bytes(std::move(transfer.body))};
}

Result<NetAnswer> perform(CURL* handle, const NetRequest& request, const Stop& stop) {
  if (handle == nullptr) return fail(ErrorCode::kOutOfMemory, "no room for a connection to {}", request.url);
  IA_TRY(stop.check());
  const std::string accept = "Accept: " + request.accept;
  const Headers headers(request.accept.empty() ? nullptr : curl_slist_append(nullptr, accept.c_str()));
  Transfer transfer{.request = request, .stop = stop};
  prepare(handle, transfer, headers);
  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return judge(code, status, transfer);
}

}  // namespace

NativeNet::~NativeNet() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  work_ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void NativeNet::push(std::function<void(void*)> work) {
  const std::lock_guard lock(mutex_);
  work_.push_back(std::move(work));
  if (idle_ < work_.size() && threads_.size() < kMostThreads) threads_.emplace_back([this] { run(); });
  work_ready_.notify_one();
}

void NativeNet::run() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, CurlDelete> handle(ready == CURLE_OK ? curl_easy_init() : nullptr);
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_ready_.wait(lock, [&] { return ending_ || !work_.empty(); });
    --idle_;
    if (work_.empty()) return;
    const auto work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work(handle.get());
    lock.lock();
  }
}

Async<NetAnswer> NativeNet::get(NetRequest request, Stop stop) {
  const Reply<NetAnswer> reply;
  loop_.promise();
  push([this, &request, &stop, reply](void* handle) {
    auto answer = std::make_shared<Result<NetAnswer>>(perform(handle, request, stop));
    loop_.answer([reply, answer] { reply.settle(std::move(*answer)); });
  });
  co_return co_await reply.get();
}

}  // namespace ipfs_accelerate::host
