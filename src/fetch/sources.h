// Sources: the gateways of one load, what is known of each, and how one block is asked of one.
#pragma once

#include <deque>

#include "base/turns.h"
#include "fetch/fetch.h"

namespace ipfs_accelerate::fetch {

/// "http://host[:port][/path]" or https, without what could mislead: user, query, fragment. Gives it without slashes
/// at the end. kInvalidArgument.
Result<std::string> parse_gateway(std::string_view url);

struct Source {
  std::string base;
  bool lied = false;     ///< not asked again
  bool stalled = false;  ///< asked last, and not waited for as long
  std::string lie{};     ///< the message
};

class Sources {
 public:
  Sources(host::Host& host, const SourceOptions& options);
  /// What is wrong with the gateways that were named.
  Result<> check() const { return wrong_ ? Result<>(std::unexpected(*wrong_)) : Result<>{}; }
  const SourceOptions& options() const { return options_; }
  /// The same for sources of which the same is known: what one cannot get, the other cannot either.
  std::string key() const;
  /// Those to ask, in order.
  std::vector<Source*> in_order();
  /// Bytes that nobody has verified. kNotFound: it has not got the block. Once more after a failure that may pass.
  Async<HostBytesRef> ask(Source& source, Cid cid, Stop stop);

 private:
  Async<HostBytesRef> ask_once(Source& source, Cid cid, Stop stop);
  /// When it is this request's turn.
  Async<host::NetAnswer> get(std::string url, const Source& source, Stop stop);
  host::Host& host_;
  SourceOptions options_;
  std::deque<Source> sources_;
  std::optional<Error> wrong_;
  Turns requests_{kInFlight};
};

}  // namespace ipfs_accelerate::fetch
