// The runner: finds a model, keeps it loaded, runs it, and measures what happened.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "engine/device_pool.h"
#include "engine/library.h"
#include "engine/session.h"

namespace ipfs_accelerate {

/// Safe to call from several threads; runs wait for each other.
class Runner {
 public:
  explicit Runner(Library& library) : library_(library) {}
  Result<RunResult> accelerate(const std::string& model, const std::vector<Input>& inputs, const Config& config);
  Result<std::string> explain(const std::string& model, const std::vector<Input>& inputs, const Config& config);
  std::string devices();

 private:
  struct Loaded {
    std::string key;  ///< CID and every option that makes another session
    std::string fallback;
    std::unique_ptr<Session> session;
    double read_seconds = 0;  ///< finding, reading, verifying
  };
  struct Outcome {
    std::vector<nlohmann::json> answers;
    Loaded* loaded = nullptr;
    bool fresh = false;      ///< the model was loaded by this call
    double run_seconds = 0;  ///< tokenizing to result
  };
  Result<Outcome> run_with_fallback(const FoundModel& model, const std::vector<Input>& inputs, const Config& config);
  Result<Outcome> run_on(const FoundModel& model, const std::vector<Input>& inputs, const Config& config,
                         const Choice& choice);
  Result<Loaded*> load(const std::string& key, const FoundModel& model, const Config& config, const Choice& choice,
                       bool& fresh);
  Result<ModelSource> open_source(const FoundModel& model);

  Library& library_;
  std::mutex mutex_;
  DevicePool devices_;
  std::list<Loaded> sessions_;  ///< most recently used first
};

/// kUnsupportedPrecision, kUnknownPlatform, kInvalidArgument for values nobody can serve.
Result<> check_config(const Config& config);

}  // namespace ipfs_accelerate
