#include "host/native/net.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "host/native/address.h"
#include "host/native/memory.h"

namespace ipfs_accelerate::host {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMostPerHost = 16;     // as many blocks as one load asks for at once
constexpr std::size_t kMostActive = 64;      // connections in all
constexpr std::uint64_t kSmall = 64u << 20;  // bodies up to here are taken without asking how much memory is free
constexpr auto kNever = std::chrono::hours(1);

template <auto free>
struct Free {
  void operator()(auto* one) const { free(one); }
};
using Headers = std::unique_ptr<curl_slist, Free<curl_slist_free_all>>;
using Handle = std::unique_ptr<CURL, Free<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, Free<curl_multi_cleanup>>;

long milliseconds(double seconds) { return static_cast<long>(seconds * 1e3); }

/// "http://host:port" of a URL: whose connections it shares.
std::string host_of(const std::string& url) {
  const auto begin = url.find("://");
  return url.substr(0, url.find('/', begin == url.npos ? 0 : begin + 3));
}

bool is_public_text(const char* ip) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (::inet_pton(AF_INET, ip, &v4.sin_addr) == 1) return is_public_address(reinterpret_cast<const sockaddr&>(v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  return ::inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1 && is_public_address(reinterpret_cast<const sockaddr&>(v6));
}

}  // namespace

/// One request, from get() to its answer. Its own after begin(): the thread's.
struct NativeNet::Transfer {
  Transfer(NetRequest given, Stop stop)
      : request(std::move(given)), stop(std::move(stop)), host(host_of(request.url)) {}
  NetRequest request;
  Stop stop;
  std::string host;
  Reply<NetAnswer> reply;
  CURL* handle = nullptr;  ///< while it is active
  Headers headers;
  Bytes body;
  std::optional<std::uint64_t> stated;  ///< bytes of the body, as the server says
  SteadyClock::time_point last_byte;
  bool too_large = false, no_room = false, stalled = false, forbidden = false;

  SteadyClock::time_point patience_ends() const {
    return last_byte + std::chrono::duration_cast<SteadyClock::duration>(
                           std::chrono::duration<double>(std::clamp(request.stall_seconds, 0.0, 1e6)));
  }
  void prepare(CURL* with);
  Result<NetAnswer> judge(CURLcode code, long status);

 private:
  std::uint64_t most_bytes() const {
    return stated || request.max_unstated == 0 ? request.max_bytes : std::min(request.max_bytes, request.max_unstated);
  }
  void look_at_length();
  bool make_room(std::uint64_t size);
  bool append(std::span<const std::uint8_t> bytes);
  static std::size_t on_body(char* data, std::size_t one, std::size_t count, void* user);
  static curl_socket_t on_socket(void* user, curlsocktype, curl_sockaddr* address);
  static int on_connection(void* user, char* ip, char*, int, int);
};

void NativeNet::Transfer::look_at_length() {
  curl_off_t length = -1;
  curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  stated = length < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(length));
}

/// Room for a body of `size` bytes so far: what the server says comes is had at once, and refused at once.
bool NativeNet::Transfer::make_room(std::uint64_t size) {
  if (size <= body.capacity()) return true;
  const std::uint64_t wanted = std::max(size, stated.value_or(std::min(most_bytes(), 2 * body.capacity())));
  if (wanted > kSmall && wanted > free_memory()) return false;
  try {
    body.reserve(static_cast<std::size_t>(wanted));
    return true;
  } catch (const std::exception&) {  // curl's C code is between here and whoever could catch it
    return false;
  }
}

bool NativeNet::Transfer::append(std::span<const std::uint8_t> bytes) {
  too_large = bytes.size() > most_bytes() - body.size();  // headers are not believed: bytes are counted
  no_room = !too_large && !make_room(body.size() + bytes.size());
  if (too_large || no_room) return false;
  body.insert(body.end(), bytes.begin(), bytes.end());
  return true;
}

std::size_t NativeNet::Transfer::on_body(char* data, std::size_t one, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t size = one * count;
  transfer.last_byte = SteadyClock::now();
  if (transfer.body.empty()) transfer.look_at_length();
  return transfer.append({reinterpret_cast<const std::uint8_t*>(data), size}) ? size : CURL_WRITEFUNC_ERROR;
}

/// Called with the address that is about to be connected to, after the name was resolved.
curl_socket_t NativeNet::Transfer::on_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.request.allow_local && !is_public_address(address->addr)) {
    transfer.forbidden = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// Called before a request goes out: its connection may have been opened by one that was allowed more.
int NativeNet::Transfer::on_connection(void* user, char* ip, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.request.allow_local || is_public_text(ip)) return CURL_PREREQFUNC_OK;
  transfer.forbidden = true;
  return CURL_PREREQFUNC_ABORT;
}

void NativeNet::Transfer::prepare(CURL* with) {
  handle = with;
  const std::string accept = "Accept: " + request.accept;
  if (!request.accept.empty()) headers.reset(curl_slist_append(nullptr, accept.c_str()));
  last_byte = SteadyClock::now();
  curl_easy_reset(handle);
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");  // through a proxy the address could not be checked
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);  // a name that is being resolved keeps nobody waiting
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connect_seconds));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds(request.total_seconds));
  // A length above the limit ends it before the body.
  curl_easy_setopt(handle, CURLOPT_MAXFILESIZE_LARGE,
                   static_cast<curl_off_t>(std::min<std::uint64_t>(request.max_bytes, INT64_MAX)));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, on_connection);
  curl_easy_setopt(handle, CURLOPT_PREREQDATA, this);
}

Result<NetAnswer> NativeNet::Transfer::judge(CURLcode code, long status) {
  const std::string& url = request.url;
  IA_TRY(stop.check());
  if (forbidden) {
    return fail(ErrorCode::kForbiddenAddress, "{} has a local address; allow local gateways to use it", url);
  }
  if (too_large || code == CURLE_FILESIZE_EXCEEDED) {
    const bool unstated = most_bytes() < request.max_bytes;
    return fail(ErrorCode::kLimitExceeded, "{} sends more than {} bytes{}", url, most_bytes(),
                unstated ? " without saying how many (Content-Length)" : "");
  }
  if (no_room) {
    return fail(ErrorCode::kOutOfMemory, "no memory for what {} sends: {} bytes, or more", url,
                stated.value_or(body.size()));
  }
  if (stalled || code == CURLE_OPERATION_TIMEDOUT) {
    return fail(ErrorCode::kTimeout, "{} stopped sending after {} bytes", url, body.size());
  }
  if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT) {
    return fail(ErrorCode::kUnreachable, "no connection to {}: {}", url, curl_easy_strerror(code));
  }
  if (code != CURLE_OK) {
    return fail(ErrorCode::kSourceError, "{} failed after {} bytes: {}", url, body.size(), curl_easy_strerror(code));
  }
  return NetAnswer{static_cast<int>(status), own_bytes(std::move(body))};
}

/// The thread: it sleeps in curl_multi_poll() until bytes come, time is up, a request comes or one is stopped.
class NativeNet::Worker {
 public:
  using TransferRef = std::shared_ptr<Transfer>;
  static Result<std::unique_ptr<Worker>> make(Loop& loop) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    Multi multi(ready == CURLE_OK ? curl_multi_init() : nullptr);
    if (!multi) return fail(ErrorCode::kOutOfMemory, "libcurl does not start");
    return std::unique_ptr<Worker>(new Worker(loop, std::move(multi)));
  }
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake();
    thread_.join();
  }
  void add(TransferRef transfer) {
    {
      const std::lock_guard lock(mutex_);
      fresh_.push_back(std::move(transfer));
    }
    wake();
  }
  void wake() { curl_multi_wakeup(multi_.get()); }

 private:
  Worker(Loop& loop, Multi multi) : loop_(loop), multi_(std::move(multi)), thread_([this] { run(); }) {}

  void run() {
    while (take_fresh()) {
      begin_queued();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      const bool finished = end_finished();
      if (end_stopped() || finished) continue;  // others may begin
      curl_multi_poll(multi_.get(), nullptr, 0, poll_milliseconds(), nullptr);
    }
    const std::unexpected<Error> closed = fail(ErrorCode::kCancelled, "the engine was closed");
    for (const TransferRef& transfer : queue_) answer(transfer, closed);
    while (!active_.empty()) answer(take(active_.begin()->first), closed);
  }

  /// False once the worker is to end.
  bool take_fresh() {
    const std::lock_guard lock(mutex_);
    queue_.insert(queue_.end(), std::make_move_iterator(fresh_.begin()), std::make_move_iterator(fresh_.end()));
    fresh_.clear();
    return !ending_;
  }

  /// Those that were told to stop, and those that nothing comes for.
  bool end_stopped() {
    const std::size_t left = std::erase_if(queue_, [&](const TransferRef& transfer) {
      if (!transfer->stop.requested()) return false;
      answer(transfer, transfer->judge(CURLE_OK, 0));
      return true;
    });
    const auto now = SteadyClock::now();
    std::vector<CURL*> over;
    for (const auto& [handle, transfer] : active_) {
      transfer->stalled = now >= transfer->patience_ends();
      if (transfer->stalled || transfer->stop.requested()) over.push_back(handle);
    }
    for (CURL* const handle : over) end(handle, CURLE_ABORTED_BY_CALLBACK);
    return left > 0 || !over.empty();
  }

  /// In the order of the calls, except that a host with its hands full keeps nobody else waiting.
  void begin_queued() {
    for (auto next = queue_.begin(); next != queue_.end() && active_.size() < kMostActive;) {
      const bool busy = std::ranges::count_if(active_, [&](const auto& one) {
                          return one.second->host == (*next)->host;
                        }) >= static_cast<std::ptrdiff_t>(kMostPerHost);
      if (busy) {
        ++next;
        continue;
      }
      const TransferRef transfer = std::move(*next);
      next = queue_.erase(next);
      begin(transfer);
    }
  }

  void begin(const TransferRef& transfer) {
    if (transfer->stop.requested()) return answer(transfer, transfer->judge(CURLE_OK, 0));
    Handle handle;
    if (idle_.empty()) {
      handle.reset(curl_easy_init());
    } else {
      handle = std::move(idle_.back());
      idle_.pop_back();
    }
    if (!handle) return answer(transfer, no_room(*transfer));
    transfer->prepare(handle.get());
    if (curl_multi_add_handle(multi_.get(), handle.get()) != CURLM_OK) return answer(transfer, no_room(*transfer));
    active_.emplace(handle.release(), transfer);
  }
  static std::unexpected<Error> no_room(const Transfer& transfer) {
    return fail(ErrorCode::kOutOfMemory, "no room for a connection to {}", transfer.request.url);
  }

  bool end_finished() {
    bool ended = false;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      end(message->easy_handle, message->data.result);  // the message goes with it
      ended = true;
    }
    return ended;
  }

  void end(CURL* handle, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    const TransferRef transfer = take(handle);
    answer(transfer, transfer->judge(code, status));
  }

  /// Lets go of a request; a connection in the middle of an answer is closed.
  TransferRef take(CURL* handle) {
    curl_multi_remove_handle(multi_.get(), handle);
    idle_.emplace_back(handle);
    return std::move(active_.extract(handle).mapped());
  }

  void answer(const TransferRef& transfer, Result<NetAnswer> result) {
    auto given = std::make_shared<Result<NetAnswer>>(std::move(result));
    loop_.answer([reply = transfer->reply, given] { reply.settle(std::move(*given)); });
  }

  int poll_milliseconds() const {
    auto until = SteadyClock::now() + kNever;
    for (const auto& [handle, transfer] : active_) until = std::min(until, transfer->patience_ends());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
  }

  Loop& loop_;
  Multi multi_;
  std::mutex mutex_;
  std::deque<TransferRef> fresh_;  // guarded by the mutex, as is
  bool ending_ = false;
  // Of the thread.
  std::deque<TransferRef> queue_;
  std::map<CURL*, TransferRef> active_;
  std::vector<Handle> idle_;
  std::thread thread_;  // the last to come
};

NativeNet::NativeNet(Loop& loop) : loop_(loop) {}
NativeNet::~NativeNet() = default;

Async<NetAnswer> NativeNet::get(NetRequest request, Stop stop) {
  co_await stop.check();
  if (!worker_) worker_ = co_await Worker::make(loop_);
  const auto transfer = std::make_shared<Transfer>(std::move(request), stop);
  loop_.promise();
  worker_->add(transfer);
  const Stop::Listener listener = stop.listen([this] { worker_->wake(); });
  co_return co_await transfer->reply.get();
}

}  // namespace ipfs_accelerate::host
