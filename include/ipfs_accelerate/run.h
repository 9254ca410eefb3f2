// What a run takes and gives: Config, RunResult, events; content.h and answers.h have the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ipfs_accelerate/answers.h"
#include "ipfs_accelerate/content.h"
#include "ipfs_accelerate/error.h"
#include "ipfs_accelerate/result.h"

namespace ipfs_accelerate {

/// What to run on, and how. Names are those of the original API.
struct Config {
  std::string task{};             ///< empty: what the model is made for
  std::string platform = "auto";  ///< "webgpu", "webnn" (browsers only), "cpu", "auto"
  int precision = 32;             ///< 32 or 16
  bool mixed_precision = false;   ///< per-tensor precision: not available yet, kUnsupportedPrecision when set
  bool allow_fallback = true;     ///< platform given but unusable: run on the CPU and say so, instead of an error
  bool truncation = true;         ///< cut inputs at the model's length, instead of an error
  int top_k = 5;                  ///< answers per input, for tasks that rank
  int max_new_tokens = 0;         ///< tokens generated at most; 0: as the model says, else 256
  std::vector<std::int32_t> stop_token_ids{};  ///< tokens that end a text; empty: as the model says
  int batch_size = 32;                         ///< inputs computed together
  int threads = 0;                      ///< of the CPU; 0 = all, at most 64, or 4 for each processor where that is more
  std::vector<std::string> gateways{};  ///< trustless gateways to fetch from, "http://host:port"
  bool allow_local_gateways = false;    ///< gateways at private and loopback addresses
  int gateway_timeout = 30;             ///< s without a byte after which a gateway is given up

  /// Reads an object with these names as keys. kUnknownOption names the key nobody reads; kInvalidArgument a wrong
  /// type. Limits are checked by the call that gets it.
  static Result<Config> from_json(std::string_view json);
};

/// A run of nodes on one device.
struct SegmentReport {
  std::string platform{};
  int nodes = 0;
  std::string reason{};  ///< why not on the platform asked for; empty when it is
};
/// Bytes and blocks of the model by origin, since it was opened.
struct ContentReport {
  std::string cache{};  ///< where verified blocks are kept: "store", "opfs", "indexeddb", "folder", "memory"
  std::uint64_t blocks_from_cache = 0, bytes_from_cache = 0;
  std::uint64_t blocks_fetched = 0, bytes_fetched = 0;
  std::uint64_t bytes_verified = 0;
  std::uint64_t blocks_corrupt = 0;  ///< kept blocks that no longer matched; replaced as soon as good ones came
  bool quota_exceeded = false;       ///< there was no room to keep a block
  double milliseconds = 0;           ///< in which at least one block was being read, fetched or verified
};

/// Every field is measured, none assumed.
struct RunResult {
  std::string model_name{}, model_type{}, task{}, platform{}, browser{}, cid{}, ipfs_source{}, adapter_info{};
  bool is_real_hardware = false, mixed_precision = false, ipfs_cache_hit = false, p2p_optimized = false;
  int precision = 32;          ///< bits the device computed in
  double processing_time = 0;  ///< s, tokenizing to result
  double total_time = 0;       ///< s, loading included
  double ipfs_load_time = 0;   ///< ms, finding, reading and verifying the model's bytes; 0 when it was loaded already
  double memory_usage_mb = 0;  ///< resident memory of the process, and weights and activations on a device of its own
  double throughput_items_per_sec = 0;
  std::vector<std::string> optimizations{};
  std::string fallback{};                 ///< why another platform than asked for was used; empty otherwise
  std::vector<SegmentReport> segments{};  ///< what ran where
  ContentReport content;
  std::int64_t tokens = 0;        ///< computed, padding left out
  std::vector<Answer> answers{};  ///< one per input, in the order of the inputs
  std::string to_json() const;    ///< all fields; `output` are the answers, `answer_kind` says of which kind
};

/// What happens to a model while it is loaded: `status` is "initiate", "download", "progress" or "done" of one file, or
/// "ready" of the whole model.
struct LoadEvent {
  std::string status{}, file{}, source{}, task{};
  std::uint64_t loaded = 0, total = 0;  ///< bytes of the file
};
using LoadListener = std::function<void(const LoadEvent&)>;

/// A piece of a text while it is generated.
struct TextEvent {
  std::size_t item = 0;    ///< number of the input
  std::int32_t token = 0;  ///< that ended the piece
  std::string text{};      ///< what came since the item's last event
  bool end = false;        ///< nothing more comes of this item
};

/// What happens during a run.
using Event = std::variant<LoadEvent, TextEvent>;
using Listener = std::function<void(const Event&)>;

}  // namespace ipfs_accelerate
