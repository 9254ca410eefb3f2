// Test helper: a tiny HTTP server on loopback that serves blocks of a store, and misbehaves as told.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <format>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"

namespace ipfs_accelerate::native {

/// What to send for a request's target: the whole reply, then perhaps nothing while the connection stays open.
struct Sent {
  std::string bytes{};
  bool stall = false;    ///< keep the connection open without sending more
  bool endless = false;  ///< repeat the body for ever
};

inline std::string http_reply(int status, std::string_view body) {
  return std::format("HTTP/1.1 {} x\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

class TestServer {
 public:
  using Handler = std::function<Sent(const std::string& target)>;
  explicit TestServer(Handler handler) : handler_(std::move(handler)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_, 64) != 0) std::abort();
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this](std::stop_token stop) { accept_all(stop); });
  }
  ~TestServer() {
    stopping_ = true;
    acceptor_ = {};
    connections_.clear();
    ::close(socket_);
  }
  std::string url() const { return std::format("http://127.0.0.1:{}", port_); }
  int requests() const { return requests_; }

 private:
  void accept_all(std::stop_token stop) {
    while (!stop.stop_requested()) {
      pollfd poll{socket_, POLLIN, 0};
      if (::poll(&poll, 1, 20) <= 0) continue;
      const int connection = ::accept(socket_, nullptr, nullptr);
      if (connection >= 0) connections_.emplace_back([this, connection] { serve(connection); });
    }
  }

  // Requests have no body: each ends with an empty line.
  void serve(int connection) {
    std::string buffer;
    while (!stopping_) {
      pollfd poll{connection, POLLIN, 0};
      if (::poll(&poll, 1, 20) <= 0) continue;
      char chunk[4096];
      const auto count = ::recv(connection, chunk, sizeof(chunk), 0);
      if (count <= 0) break;
      buffer.append(chunk, static_cast<std::size_t>(count));
      const auto end = buffer.find("\r\n\r\n");
      if (end == buffer.npos) continue;
      const auto from = buffer.find(' ') + 1;
      const std::string target = buffer.substr(from, buffer.find(' ', from) - from);
      buffer.erase(0, end + 4);
      ++requests_;
      if (!answer(connection, handler_(target))) break;
    }
    ::close(connection);
  }

  bool answer(int connection, const Sent& reply) {
    if (!send_all(connection, reply.bytes)) return false;
    while (reply.endless && !stopping_) {
      if (!send_all(connection, std::string(65536, 'x'))) return false;
    }
    while (reply.stall && !stopping_) ::usleep(10'000);
    return reply.bytes.find("Connection: close") == reply.bytes.npos;
  }

  static bool send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  Handler handler_;
  int socket_ = -1, port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> requests_ = 0;
  std::jthread acceptor_;
  std::vector<std::jthread> connections_;
};

}  // namespace ipfs_accelerate::native
