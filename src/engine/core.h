// Core: the engine, portable. Finds models, keeps them loaded, runs them; every decision natively and in the page.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/stop.h"
#include "fetch/fetch.h"
#include "host/host.h"
#include "ipfs_accelerate/run.h"
#include "tensor/tensor.h"

namespace ipfs_accelerate {

/// One model, and how to run it.
struct Request {
  std::string model;  ///< as the caller names it: CID and path, address of a folder, registered name, folder
  Config config;
  std::string pooling{};            ///< overrides the model's own: "mean", "cls", "max", "last_token"
  std::optional<bool> normalize{};  ///< overrides whether an embedding has length 1
  bool hidden_states = false;       ///< golden runs: every layer's output too
  bool all_tokens = false;          ///< golden runs of fill-mask: logits of every token
};

/// Token ids instead of texts.
struct EncodedItem {
  std::vector<std::int32_t> ids, type_ids, attention_mask;
};
/// What a golden run computes: one of them, or nothing.
struct Given {
  std::vector<EncodedItem> encodings{};
  /// By the name of the graph's input; optional ones may be left out.
  std::vector<std::pair<std::string, Tensor>> tensors{};
  bool empty() const { return encodings.empty() && tensors.empty(); }
};
/// Every output of the graph for what was given, and the ids of texts (golden runs).
struct Evaluation {
  std::vector<std::pair<std::string, Tensor>> outputs;
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<SegmentReport> segments;  ///< what ran where
  Memory predicted, taken;              ///< by the shape class of the outputs
};

struct LoadedFacts {
  std::string task, cid;
  AnswerKind gives{};
  std::vector<std::string> labels;
  std::vector<std::string> takes{};  ///< kinds of content, ContentKinds::names()
};

/// Belongs to the thread that drives the host's executor. Requests run side by side; what is serial is a device's lane.
class Core {
 public:
  explicit Core(host::Host& host);
  ~Core();

  Async<RunResult> run(Request request, std::vector<Content> inputs, Listener listener, Stop stop);
  Async<LoadedFacts> load(Request request, LoadListener listener, Stop stop);
  /// The plan as JSON; no weight is read.
  Async<std::string> explain(Request request, std::vector<Content> inputs, Stop stop);
  /// `given`: token ids, or a tensor for each input of the graph.
  Async<Evaluation> evaluate(Request request, Given given, std::vector<Content> texts, Stop stop);
  /// {"browser", "devices": [...], "webgpu_error"?, "webnn_error"?, "auto": {"platform", "device", "reason"}}
  Async<std::string> devices(Stop stop);
  /// Forgets every loaded form of this model, whichever of its names it was loaded by. A name that leads nowhere is no
  /// error: nothing of it is loaded.
  Async<> unload(Request request, Stop stop);
  /// A way to bytes that shares what is under way with the models' loads.
  std::shared_ptr<fetch::Fetcher> fetcher(fetch::SourceOptions options);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ipfs_accelerate
