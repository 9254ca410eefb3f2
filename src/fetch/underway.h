// Fetches under way: a block that several loads want at the same moment is asked for once.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/stop.h"
#include "content/block.h"

namespace ipfs_accelerate::fetch {

/// A block that a source sent now.
struct Arrived {
  content::VerifiedBytes block;
  bool had_room = true;  ///< else it could not be kept
};

/// Belongs to the executor's thread. Shared by the fetchers of one engine.
class Underway {
 public:
  /// The result of the work under `key`, which is begun when it is not under way. The work owns what it uses, so that
  /// whoever began it may leave: a stop ends this wait alone, and the work itself when nobody else waits. The last one
  /// to leave waits until the work has let go.
  static Async<Arrived> join(std::shared_ptr<Underway> all, std::string key, std::function<Async<Arrived>(Stop)> begin,
                             Stop stop);

 private:
  struct Work {
    Stop stop;
    std::list<Reply<Arrived>> waiting;
  };
  void forget(const std::string& key, const std::shared_ptr<Work>& work);
  std::map<std::string, std::shared_ptr<Work>> works_;
};

}  // namespace ipfs_accelerate::fetch
