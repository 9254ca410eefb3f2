// Connections: one coroutine each, with a deadline on every read and write.
#include "server.h"

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <format>
#include <thread>

#include "gateway.h"
#include "http.h"
#include "site.h"

namespace ipfs_accelerate::server {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;
constexpr auto kAwait = net::as_tuple(net::use_awaitable);
constexpr std::size_t kPiece = 256 * 1024;  // small blocks are sent together

struct Server {
  Engine& engine;
  const Options& options;
  Access access;
  std::atomic<std::size_t> connections{0};
};

/// Frees the place of a connection when its coroutine ends, however it ends.
struct Place {
  explicit Place(Server& server) : server(server) {}
  Place(const Place&) = delete;
  ~Place() { --server.connections; }
  Server& server;
};

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

Response route(Server& server, const Request& request) {
  if (request.path.starts_with("/ipfs/") && request.path.size() > 6) return gateway(server.engine, request);
  if (auto refused = server.access.check_origin(request)) return *std::move(refused);
  if (request.path == "/api/models") return models(server.engine);
  return site(server.options.web, request);
}

Response answer(Server& server, const http::request<http::empty_body>& message) {
  Request request;
  request.method = std::string(message.method_string());
  for (const auto& field : message) request.headers.emplace(to_lower(field.name_string()), std::string(field.value()));
  if (auto refused = server.access.check_host(request)) return *std::move(refused);
  if (request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS") {
    Response response = error_response({ErrorCode::kInvalidArgument, "only GET, HEAD and OPTIONS are served"}, 405);
    response.set("Allow", "GET, HEAD, OPTIONS");
    return response;
  }
  if (const auto parsed = parse_target(message.target(), request); !parsed) return error_response(parsed.error());
  return route(server, request);
}

http::response<http::string_body> head_of(const Response& response, unsigned version, bool keep_alive) {
  http::response<http::string_body> message{http::int_to_status(response.status), version};
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.set(http::field::server, std::format("ipfs_accelerate/{}", ipfs_accelerate::version()));
  message.keep_alive(keep_alive);
  return message;
}

/// The next pieces of a CAR, up to about kPiece; empty at the end.
Result<std::vector<std::uint8_t>> next_piece(CarStream& stream) {
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < kPiece) {
    auto part = stream.next();
    if (!part) return std::unexpected(part.error());
    if (!*part) break;
    if (bytes.empty())
      bytes = **std::move(part);
    else
      bytes.insert(bytes.end(), (*part)->begin(), (*part)->end());
  }
  return bytes;
}

/// Sends a CAR in chunks. False when the connection must end: a block turned out missing or damaged in the middle, and
/// an unfinished answer is the only way to say so.
net::awaitable<bool> send_stream(Server& server, beast::tcp_stream& socket, CarStream stream,
                                 http::response<http::string_body> head) {
  const bool chunked = head.version() >= 11;
  if (chunked)
    head.chunked(true);
  else
    head.keep_alive(false);
  http::response<http::empty_body> bare(std::move(head.base()));
  http::response_serializer<http::empty_body> serializer(bare);
  socket.expires_after(server.options.write_timeout);
  if (auto [error, sent] = co_await http::async_write_header(socket, serializer, kAwait); error) co_return false;
  while (true) {
    const auto piece = next_piece(stream);
    if (!piece) co_return false;
    if (piece->empty()) break;
    socket.expires_after(server.options.write_timeout);
    const net::const_buffer bytes(piece->data(), piece->size());
    if (chunked) {
      if (auto [error, sent] = co_await net::async_write(socket, http::make_chunk(bytes), kAwait); error)
        co_return false;
    } else {
      if (auto [error, sent] = co_await net::async_write(socket, bytes, kAwait); error) co_return false;
    }
  }
  if (!chunked) co_return false;
  auto [error, sent] = co_await net::async_write(socket, http::make_chunk_last(), kAwait);
  co_return !error && bare.keep_alive();
}

net::awaitable<bool> send(Server& server, beast::tcp_stream& socket, Response response,
                          const http::request<http::empty_body>& request, bool keep_alive) {
  auto message = head_of(response, request.version(), keep_alive);
  const bool head_only = request.method() == http::verb::head;
  if (response.stream && !head_only)
    co_return co_await send_stream(server, socket, *std::move(response.stream), std::move(message));
  socket.expires_after(server.options.write_timeout);
  const bool bodiless = response.status == 304 || response.status == 204;
  if (head_only || bodiless) {
    if (!response.stream && !bodiless) message.content_length(response.body.size());
    http::response<http::empty_body> bare(std::move(message.base()));
    http::response_serializer<http::empty_body> serializer(bare);
    auto [error, sent] = co_await http::async_write_header(socket, serializer, kAwait);
    co_return !error && keep_alive;
  }
  message.body() = std::move(response.body);
  message.prepare_payload();
  auto [error, sent] = co_await http::async_write(socket, message, kAwait);
  co_return !error && keep_alive;
}

/// What to tell a client whose request could not be read; nothing when it went away or was too slow.
std::optional<Response> refusal(beast::error_code error) {
  if (error == http::error::header_limit)
    return error_response({ErrorCode::kLimitExceeded, "the request's header is too large"}, 431);
  if (error == http::error::body_limit)
    return error_response({ErrorCode::kLimitExceeded, "requests with a body are not served"}, 413);
  if (error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return error_response({ErrorCode::kInvalidArgument, "this is no HTTP request: " + error.message()}, 400);
  }
  return std::nullopt;
}

net::awaitable<void> converse(Server& server, beast::tcp_stream socket) {
  const Place place(server);
  beast::flat_buffer buffer(server.options.max_header_bytes + 4096);
  for (bool more = true; more;) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(server.options.max_header_bytes);
    parser.body_limit(0);
    socket.expires_after(server.options.read_timeout);
    auto [error, read] = co_await http::async_read(socket, buffer, parser, kAwait);
    if (error) {
      if (auto response = refusal(error)) co_await send(server, socket, *std::move(response), parser.get(), false);
      break;
    }
    const auto& request = parser.get();
    more = co_await send(server, socket, answer(server, request), request, request.keep_alive());
  }
  beast::error_code ignored;
  socket.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

net::awaitable<void> listen(Server& server, tcp::acceptor& acceptor) {
  while (true) {
    auto [error, socket] = co_await acceptor.async_accept(net::make_strand(acceptor.get_executor()), kAwait);
    if (error == net::error::operation_aborted) co_return;
    if (error) {  // out of descriptors, most likely: wait for some to come back
      net::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(kAwait);
      continue;
    }
    if (server.connections.fetch_add(1) >= server.options.max_connections) {
      --server.connections;
      continue;  // the socket closes
    }
    auto executor = socket.get_executor();
    net::co_spawn(executor, converse(server, beast::tcp_stream(std::move(socket))), net::detached);
  }
}

Result<> open_acceptor(tcp::acceptor& acceptor, const Options& options) {
  beast::error_code error;
  const auto address = net::ip::make_address(options.address, error);
  if (error)
    return std::unexpected(Error{ErrorCode::kInvalidArgument, std::format("'{}' is no IP address", options.address)});
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(net::socket_base::max_listen_connections, error);
  if (!error) return {};
  return std::unexpected(
      Error{ErrorCode::kIo, std::format("cannot serve on {}:{}: {}", options.address, options.port, error.message())});
}

}  // namespace

Result<> serve(Engine& engine, const Options& options, const std::function<void(const std::string& url)>& ready) {
  const int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2u, 4u));
  Server server{engine, options, {}, {}};  // outlives the context, whose destructor ends the connections
  net::io_context context(threads);
  for (const std::string& host : options.hosts) server.access.hosts.push_back(to_lower(host));
  tcp::acceptor acceptor(context);
  if (auto opened = open_acceptor(acceptor, options); !opened) return opened;
  const tcp::endpoint bound = acceptor.local_endpoint();
  const bool loopback = bound.address().is_loopback();
  const std::string host =
      bound.address().is_v6() ? "[" + bound.address().to_string() + "]" : bound.address().to_string();
  if (!bound.address().is_unspecified()) server.access.hosts.push_back(host);

  net::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](beast::error_code, int) { context.stop(); });
  net::co_spawn(context, listen(server, acceptor), net::detached);
  ready(std::format("http://{}:{}/", loopback && !bound.address().is_v6() ? "localhost" : host, bound.port()));
  std::vector<std::jthread> workers;
  for (int i = 1; i < threads; ++i) workers.emplace_back([&] { context.run(); });
  context.run();
  return {};
}

}  // namespace ipfs_accelerate::server
