// What scenarios are made of: a model behind a gateway, an engine on the scripted host, and the story that is told of
// it.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/core.h"
#include "graph/graph.h"
#include "scenarios/scenarios.h"
#include "scripted/scripted_host.h"

namespace ipfs_accelerate::scripted {

using Json = nlohmann::json;
inline constexpr const char* kGateway = "https://one.example";
inline constexpr const char* kSecond = "https://two.example";

Bytes bytes_of(std::string_view text);
/// A DistilBERT of one layer, its word table large enough for two leaves; another seed, other weights.
Origin::Files model_files(std::uint32_t seed);
/// Its graph, as the engine makes it.
Graph model_graph();

struct World {
  World();
  Origin origin;
  Cid model, other;  ///< alike but for their weights
  ScriptedHost host;

  Request request(std::vector<std::string> gateways = {kGateway}) const;
  /// Whether the trace shows that a model's blocks were read.
  bool read_anew() const;
};

/// One scenario in the making: what it does, said into its trace.
class Story {
 public:
  Story(std::string name, std::vector<Outcome>& outcomes) : outcomes_(outcomes) { outcome_.name = std::move(name); }
  ~Story() { outcomes_.push_back(std::move(outcome_)); }

  void require(bool fine, const std::string& what) {
    if (!fine) outcome_.problems.push_back(what);
  }
  /// Runs two short texts; the trace gets the host's requests since the last time, and the answer.
  Result<RunResult> run(World& world, Core& core, const std::string& what, Request request, Stop stop = {});
  static std::string told(const Result<RunResult>& result);
  void expect(const Result<RunResult>& result, ErrorCode code);
  void note(const std::string& line) { outcome_.trace += line + "\n"; }

 private:
  std::vector<Outcome>& outcomes_;
  Outcome outcome_;
};

// Devices (device_scenarios.cpp) and callers that share (sharing_scenarios.cpp).
void lost_device(std::vector<Outcome>& outcomes);
void lost_at_submit(std::vector<Outcome>& outcomes);
void failed_at_submit(std::vector<Outcome>& outcomes);
void lost_under_two_models(std::vector<Outcome>& outcomes);
void shared_load(std::vector<Outcome>& outcomes);
void late_caller(std::vector<Outcome>& outcomes);
void shared_model(std::vector<Outcome>& outcomes);

}  // namespace ipfs_accelerate::scripted
