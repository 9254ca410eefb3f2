// The C++ facade: one call runs a model; the store beside it names every byte by its CID.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ipfs_accelerate/error.h"

#if defined(__has_include) && __has_include(<expected>)
#include <expected>
#endif

namespace ipfs_accelerate {

/// What to run on, and how. Names are those of the original API.
struct Config {
  std::string task;               ///< empty: what the model is made for
  std::string platform = "auto";  ///< "webgpu", "webnn" (browsers only), "cpu", "auto"
  int precision = 32;             ///< 32 or 16
  bool mixed_precision = false;
  bool allow_fallback = true;  ///< platform given but unusable: run on the CPU and say so, instead of an error
  bool truncation = true;      ///< cut inputs at the model's length, instead of an error
  int top_k = 5;
  int threads = 0;                    ///< 0 = all
  std::vector<std::string> gateways;  ///< trustless gateways to fetch from, "http://host:port"
  bool allow_local_gateways = false;  ///< gateways at private and loopback addresses
};

/// One input: a text, and a second one for pairs.
struct Input {
  std::string text;
  std::optional<std::string> pair;
};

/// Every field is measured, none assumed.
struct RunResult {
  std::string model_name, model_type, task, platform, browser, cid, ipfs_source, adapter_info;
  bool is_real_hardware = false, mixed_precision = false, ipfs_cache_hit = false, p2p_optimized = false;
  int precision = 32;
  double processing_time = 0;  ///< s, tokenizing to result
  double total_time = 0;       ///< s, loading included
  double ipfs_load_time = 0;   ///< ms
  double memory_usage_mb = 0;
  double throughput_items_per_sec = 0;
  std::vector<std::string> optimizations;
  std::string fallback;         ///< why another platform than asked for was used; empty otherwise
  std::string output_json;      ///< array, one value per input
  std::string to_json() const;  ///< all fields, `output` as JSON
};

}  // namespace ipfs_accelerate
