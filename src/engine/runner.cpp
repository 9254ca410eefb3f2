// Loading and running models, with fallback to the CPU and measured results.
#include "engine/runner.h"

#include <algorithm>
#include <chrono>
#include <format>
#include <set>

#include "engine/memory_use.h"

namespace ipfs_accelerate {
namespace {

constexpr std::size_t kKeptModels = 4;
constexpr double kMegabyte = 1e6;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

bool is_device_error(ErrorCode code) { return static_cast<int>(code) / 100 == 5; }

std::string session_key(const Cid& cid, const Config& config, const Choice& choice) {
  return std::format("{} {} {} {} {}", cid.text(), config.task, choice.preferred->device().platform, config.precision,
                     config.threads);
}

FetchConfig fetch_config(const Config& config) {
  return {config.gateways, config.allow_local_gateways, config.gateway_timeout, {}};
}

std::string output_array(const std::vector<nlohmann::json>& answers) {
  return nlohmann::json(answers).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<> check_config(const Config& config) {
  static const std::set<std::string> platforms = {"auto", "cpu", "webgpu", "webnn"};
  if (!platforms.contains(config.platform)) {
    return fail(ErrorCode::kUnknownPlatform, "no platform '{}'; known: auto, cpu, webgpu, webnn", config.platform);
  }
  if (config.precision != 32 && config.precision != 16) {
    return fail(ErrorCode::kUnsupportedPrecision, "precision {} is not available; 32 and 16 are", config.precision);
  }
  if (config.mixed_precision) {
    return fail(ErrorCode::kUnsupportedPrecision,
                "mixed_precision is not available; choose precision 32 or 16 for the whole model");
  }
  if (config.top_k < 1) return fail(ErrorCode::kInvalidArgument, "top_k is {}; it must be at least 1", config.top_k);
  if (config.batch_size < 1 || config.batch_size > 4096) {
    return fail(ErrorCode::kInvalidArgument, "batch_size is {}; it must be 1 to 4096", config.batch_size);
  }
  if (config.gateway_timeout < 1 || config.gateway_timeout > 3600) {
    return fail(ErrorCode::kInvalidArgument, "gateway_timeout is {} s; it must be 1 to 3600", config.gateway_timeout);
  }
  if (config.threads < 0 || config.threads > 1024) {
    return fail(ErrorCode::kInvalidArgument, "threads is {}; it must be 1 to 1024, or 0 for all", config.threads);
  }
  return {};
}

Result<ModelSource> Runner::open_source(const FoundModel& model) {
  IA_ASSIGN(const auto store, library_.reader());
  return open_model_source(
      [store, root = model.cid.text()](const std::string& path) { return store->open_file(root + "/" + path); });
}

Result<Runner::Loaded*> Runner::load(const std::string& key, const FoundModel& model, const Config& config,
                                     const Choice& choice, bool& fresh) {
  const auto found = std::ranges::find(sessions_, key, &Loaded::key);
  fresh = found == sessions_.end();
  if (!fresh) {
    sessions_.splice(sessions_.begin(), sessions_, found);
    return &sessions_.front();
  }
  IA_ASSIGN(ModelSource source, open_source(model));
  IA_ASSIGN(auto session, Session::load(std::move(source), config, choice));
  const double read_seconds = session->read_seconds();
  sessions_.push_front({key, {}, std::move(session), read_seconds});
  if (sessions_.size() > kKeptModels) sessions_.pop_back();
  return &sessions_.front();
}

Result<Runner::Outcome> Runner::run_on(const FoundModel& model, const std::vector<Input>& inputs, const Config& config,
                                       const Choice& choice) {
  Outcome outcome;
  const std::string key = session_key(model.cid, config, choice);
  IA_ASSIGN(outcome.loaded, load(key, model, config, choice, outcome.fresh));
  const auto begin = std::chrono::steady_clock::now();
  auto answers = outcome.loaded->session->run(inputs, config);
  if (!answers) {
    // A device that failed once is not trusted with the next run.
    if (is_device_error(answers.error().code)) sessions_.pop_front();
    return std::unexpected(answers.error());
  }
  outcome.answers = *std::move(answers);
  outcome.run_seconds = seconds_since(begin);
  outcome.loaded->fallback = choice.fallback;
  return outcome;
}

Result<Runner::Outcome> Runner::run_with_fallback(const FoundModel& model, const std::vector<Input>& inputs,
                                                  const Config& config) {
  IA_ASSIGN(const Choice choice, devices_.choose(config));
  auto outcome = run_on(model, inputs, config, choice);
  if (outcome || !is_device_error(outcome.error().code) || choice.preferred == choice.cpu || !config.allow_fallback)
    return outcome;
  const std::string why = choice.preferred->device().platform + " failed: " + outcome.error().message;
  return run_on(model, inputs, config, devices_.fall_back(config, why));
}

Result<RunResult> Runner::accelerate(const std::string& model, const std::vector<Input>& inputs, const Config& config) {
  IA_TRY(check_config(config));
  if (inputs.empty()) return fail(ErrorCode::kInvalidArgument, "no input: give at least one text");
  const std::lock_guard lock(mutex_);
  const auto begin = std::chrono::steady_clock::now();
  IA_ASSIGN(const FoundModel found, library_.find_model(model, fetch_config(config)));
  const double find_seconds = seconds_since(begin);
  IA_ASSIGN(const Outcome outcome, run_with_fallback(found, inputs, config));

  const Session& session = *outcome.loaded->session;
  const DeviceInfo& device = session.device();
  RunResult result;
  result.model_name = model;
  result.model_type = session.pipeline().facts().model_type;
  result.task = session.pipeline().task().name();
  result.platform = device.platform;
  result.cid = found.cid.text();
  result.ipfs_source = found.source;
  result.ipfs_cache_hit = found.was_here;
  result.p2p_optimized = found.source == "p2p";
  result.adapter_info = adapter_text(device);
  result.is_real_hardware = device.is_real_hardware;
  result.precision = session.precision();
  result.processing_time = outcome.run_seconds;
  result.ipfs_load_time = outcome.fresh ? (find_seconds + outcome.loaded->read_seconds) * 1e3 : 0;
  const bool own_memory = device.platform != "cpu" && device.is_real_hardware;
  result.memory_usage_mb =
      static_cast<double>(resident_bytes() + (own_memory ? session.device_bytes() : 0)) / kMegabyte;
  result.throughput_items_per_sec = static_cast<double>(inputs.size()) / outcome.run_seconds;
  result.optimizations = session.optimizations();
  result.fallback = outcome.loaded->fallback;
  result.output_json = output_array(outcome.answers);
  result.total_time = seconds_since(begin);
  return result;
}

Result<std::string> Runner::explain(const std::string& model, const std::vector<Input>& inputs, const Config& config) {
  IA_TRY(check_config(config));
  const std::lock_guard lock(mutex_);
  IA_ASSIGN(const FoundModel found, library_.find_model(model, fetch_config(config)));
  IA_ASSIGN(const ModelSource source, open_source(found));
  IA_ASSIGN(const Choice choice, devices_.choose(config));
  IA_ASSIGN(auto json, explain_model(source, inputs, config, choice));
  json["cid"] = found.cid.text();
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Runner::devices() {
  const std::lock_guard lock(mutex_);
  return devices_.describe().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ipfs_accelerate
