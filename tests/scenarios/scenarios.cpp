#include "scenarios/scenarios.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/core.h"
#include "scripted/scripted_host.h"

namespace ipfs_accelerate::scripted {
namespace {

using Json = nlohmann::json;
constexpr const char* kGateway = "https://one.example";
constexpr const char* kSecond = "https://two.example";

constexpr std::string_view kConfig = R"({"architectures":["DistilBertModel"],"model_type":"distilbert","dim":8,
 "hidden_dim":16,"n_heads":2,"n_layers":1,"max_position_embeddings":16,"vocab_size":40000,"activation":"gelu",
 "pad_token_id":0,"tie_word_embeddings":true})";
constexpr std::string_view kTokenizer = R"({"version":"1.0","truncation":null,"padding":null,
 "added_tokens":[
  {"id":0,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":2,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":3,"content":"[SEP]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
 "normalizer":null,"pre_tokenizer":{"type":"Whitespace"},
 "post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},
 "decoder":{"type":"WordPiece","prefix":"##","cleanup":false},
 "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
  "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"red":5,"lamp":6,"cold":7}}})";

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// A DistilBERT of one layer, its word table large enough for two leaves.
Bytes weights() {
  const std::string layer = "transformer.layer.0.";
  std::vector<std::pair<std::string, std::vector<int>>> tensors = {{"embeddings.word_embeddings.weight", {40000, 8}},
                                                                   {"embeddings.position_embeddings.weight", {16, 8}},
                                                                   {"embeddings.LayerNorm.weight", {8}},
                                                                   {"embeddings.LayerNorm.bias", {8}}};
  for (const char* name : {"q_lin", "k_lin", "v_lin", "out_lin"}) {
    tensors.push_back({layer + "attention." + name + ".weight", {8, 8}});
    tensors.push_back({layer + "attention." + name + ".bias", {8}});
  }
  for (const char* norm : {"sa_layer_norm", "output_layer_norm"}) {
    tensors.push_back({layer + norm + ".weight", {8}});
    tensors.push_back({layer + norm + ".bias", {8}});
  }
  tensors.push_back({layer + "ffn.lin1.weight", {16, 8}});
  tensors.push_back({layer + "ffn.lin1.bias", {16}});
  tensors.push_back({layer + "ffn.lin2.weight", {8, 16}});
  tensors.push_back({layer + "ffn.lin2.bias", {8}});
  Json header = Json::object();
  std::vector<float> values;
  std::uint32_t state = 1;
  for (const auto& [name, shape] : tensors) {
    const std::size_t begin = values.size() * 4;
    const std::size_t count = shape.size() == 2 ? std::size_t(shape[0]) * std::size_t(shape[1]) : std::size_t(shape[0]);
    for (std::size_t i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      values.push_back((float(state >> 8) / 8388608.0f - 1.0f) * 0.5f);
    }
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, values.size() * 4}}};
  }
  const std::string text = header.dump();
  Bytes file(8);
  for (int i = 0; i < 8; ++i) file[std::size_t(i)] = std::uint8_t(std::uint64_t{text.size()} >> (8 * i));
  file.insert(file.end(), text.begin(), text.end());
  const auto* data = reinterpret_cast<const std::uint8_t*>(values.data());
  file.insert(file.end(), data, data + values.size() * 4);
  return file;
}

const Origin::Files& model_files() {
  static const Origin::Files files = {
      {"config.json", bytes_of(kConfig)}, {"tokenizer.json", bytes_of(kTokenizer)}, {"model.safetensors", weights()}};
  return files;
}

struct World {
  World() : model(origin.add_folder(model_files())) { host.gateway(kGateway, origin); }
  Origin origin;
  Cid model;
  ScriptedHost host;

  Request request(std::vector<std::string> gateways = {kGateway}) const {
    Request request;
    request.model = model.text();
    request.config.platform = "cpu";
    request.config.threads = 1;
    request.config.gateways = std::move(gateways);
    return request;
  }
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
  Result<RunResult> run(World& world, Core& core, const std::string& what, Request request, Stop stop = {}) {
    const std::vector<Input> texts = {{"red lamp", {}}, {"cold", {}}};
    world.host.trace.clear();
    auto result = world.host.run(core.run(std::move(request), texts, {}, std::move(stop)));
    outcome_.trace += "- " + what + "\n" + world.host.traced();
    if (result) {
      outcome_.trace += std::format("= {} answers on {} from {}, {} tokens, {} blocks fetched\n",
                                    Json::parse(result->output_json, nullptr, false).size(), result->platform,
                                    result->ipfs_source, result->tokens, result->content.blocks_fetched);
    } else {
      outcome_.trace += std::format("= {}\n", error_name(result.error().code));
    }
    return result;
  }
  void expect(const Result<RunResult>& result, ErrorCode code) {
    require(!result && result.error().code == code,
            std::format(
                "{} was expected, not {}", error_name(code),
                result ? "an answer" : std::string(error_name(result.error().code)) + ": " + result.error().message));
  }
  void note(const std::string& line) { outcome_.trace += line + "\n"; }

 private:
  std::vector<Outcome>& outcomes_;
  Outcome outcome_;
};

void cold_and_warm(std::vector<Outcome>& outcomes) {
  Story story("cold load, run again, warm load", outcomes);
  World world;
  {
    Core core(world.host.host());
    const auto cold = story.run(world, core, "cold", world.request());
    story.require(cold && !cold->ipfs_cache_hit && cold->content.blocks_fetched > 4, "a cold load fetches");
    const int requests = world.host.requests(kGateway);
    const auto again = story.run(world, core, "the same model again", world.request());
    story.require(again && again->ipfs_load_time == 0 && world.host.requests(kGateway) == requests, "it is loaded");
    story.require(cold && again && cold->output_json == again->output_json, "the same numbers");
  }
  Core core(world.host.host());
  const int requests = world.host.requests(kGateway);
  const auto warm = story.run(world, core, "warm, without a source", world.request({}));
  story.require(warm && warm->ipfs_cache_hit && world.host.requests(kGateway) == requests, "a warm load asks nobody");
}

void bad_sources(std::vector<Outcome>& outcomes) {
  using Kind = Answer::Kind;
  const auto with = [&](const char* name, auto change, bool second, ErrorCode alone) {
    Story story(name, outcomes);
    for (const bool helped : {false, true}) {
      if (helped && !second) continue;
      World world;
      world.host.gateway(kGateway, world.origin, change);
      world.host.gateway(kSecond, world.origin);
      Core core(world.host.host());
      std::vector<std::string> gateways = {kGateway};
      if (helped) gateways.push_back(kSecond);
      const auto result = story.run(world, core, helped ? "with an honest second" : "alone", world.request(gateways));
      if (helped) {
        story.require(result.has_value(), "the second source helps");
      } else {
        story.expect(result, alone);
      }
    }
  };
  with(
      "a lying source",
      [](const Cid&, Answer& answer) {
        if (!answer.body.empty()) answer.body[0] ^= 1;
      },
      true, ErrorCode::kSourceLied);
  with("a stalling source", [](const Cid&, Answer& answer) { answer.kind = Kind::kStall; }, true, ErrorCode::kTimeout);
  with(
      "a dying source", [](const Cid&, Answer& answer) { answer.kind = Kind::kCutOff; }, true, ErrorCode::kSourceError);
  with(
      "a source without an end", [](const Cid&, Answer& answer) { answer.kind = Kind::kEndless; }, true,
      ErrorCode::kSourceLied);
  with(
      "nobody there", [](const Cid&, Answer& answer) { answer.kind = Kind::kUnreachable; }, true,
      ErrorCode::kUnreachable);
  with("nobody has it", [](const Cid&, Answer& answer) { answer.status = 404; }, true, ErrorCode::kNoSource);
}

void slow_and_out_of_order(std::vector<Outcome>& outcomes) {
  Story story("answers out of order", outcomes);
  World world;
  int count = 0;
  world.host.gateway(kGateway, world.origin, [&](const Cid&, Answer& answer) { answer.seconds = 0.5 / ++count; });
  Core core(world.host.host());
  story.require(story.run(world, core, "the later the faster", world.request()).has_value(), "the order plays no role");
}

void full_disk(std::vector<Outcome>& outcomes) {
  Story story("a full disk", outcomes);
  World world;
  world.host.full_after = 4096;
  Core core(world.host.host());
  const auto result = story.run(world, core, "room for little", world.request());
  story.require(result && result->content.quota_exceeded, "the result says that nothing was kept");
}

void damage(std::vector<Outcome>& outcomes) {
  Story story("kept blocks that rot", outcomes);
  World world;
  {
    Core core(world.host.host());
    story.require(story.run(world, core, "cold", world.request()).has_value(), "it loads");
  }
  Cid leaf;
  const content::Block root = content::Block::make(world.model, *world.origin.find(world.model)).value();
  for (const content::Link& link : content::decode_unixfs(root.verified())->links) {
    if (link.name == "config.json") leaf = link.cid;
  }
  world.host.corrupt(leaf);
  {
    Core core(world.host.host());
    const auto mended = story.run(world, core, "with a source", world.request());
    story.require(mended && mended->content.blocks_corrupt == 1 && mended->content.blocks_fetched == 1,
                  "the damaged block came again");
  }
  world.host.corrupt(leaf);
  Core core(world.host.host());
  story.expect(story.run(world, core, "without a source", world.request({})), ErrorCode::kIntegrity);
}

/// Stops at every moment at which something could be under way: nothing hangs, nothing is half-done.
void cancel_everywhere(std::vector<Outcome>& outcomes) {
  Story story("stopped at each wait", outcomes);
  int cancelled = 0;
  for (int step = 0; step < 1000; ++step) {
    World world;
    world.host.keep_seconds = world.host.hash_seconds = 0.002;
    Core core(world.host.host());
    const Stop stop;
    world.host.at(0.001 * step, [stop] { stop.request(); });
    const auto result = world.host.run(core.run(world.request(), {{"red", {}}}, {}, stop));
    const std::string last = world.host.trace.empty() ? "nothing" : world.host.trace.back();
    if (result) {
      story.note(std::format("finished before the stop at {} ms", step));
      break;
    }
    story.require(result.error().code == ErrorCode::kCancelled, "cancelled, not " + result.error().message);
    const std::size_t requests = world.host.trace.size();
    story.note(std::format("{} ms: {} requests, the last {}", step, requests, last));
    ++cancelled;
    if (step % 8 != 0) continue;
    const auto after = world.host.run(core.run(world.request(), {{"red", {}}}, {}, Stop()));
    story.require(after.has_value(), "the next run works after a stop");
  }
  story.require(cancelled > 10, "there are many moments to stop at");
}

void side_by_side(std::vector<Outcome>& outcomes) {
  Story story("two models side by side", outcomes);
  World world;
  const Cid other = world.origin.add_folder({{"config.json", bytes_of(kConfig)},
                                             {"model.safetensors", weights()},
                                             {"tokenizer.json", bytes_of(kTokenizer)},
                                             {"readme.txt", bytes_of("another folder")}});
  Core core(world.host.host());
  Request second = world.request();
  second.model = other.text();
  int ended = 0;
  const auto both = [&]() -> Async<> {
    std::vector<Request> requests = {world.request(), second, world.request()};
    co_await for_each_limited(3, 3, [&](std::size_t i) -> Async<> {
      const RunResult result = co_await core.run(requests[i], {{"red lamp", {}}}, {}, Stop());
      story.note(std::format("run {} ended", i));
      ended += result.tokens == 4;
    });
  };
  const auto done = world.host.run(both());
  story.note(world.host.traced());
  story.require(done && ended == 3, "all three end");
}

/// Whatever a model is called, it is the same model.
void names_of_one_model(std::vector<Outcome>& outcomes) {
  Story story("loaded by one name, unloaded by another", outcomes);
  World world;
  world.host.keep_seconds = 0.002;  // a load takes time, so that it can be told from none
  world.host.host().files = nullptr;
  const std::string cid = world.model.text();
  const std::vector<std::string> names = {cid, "ipfs://" + cid, "/ipfs/" + cid + "/", "lamp", "lamp/"};
  for (const char* name : {"lamp", "lamp/"}) world.host.names[name] = {cid};
  Core core(world.host.host());
  const auto unload = [&](const std::string& name) {
    Request request = world.request();
    request.model = name;
    story.require(world.host.run(core.unload(request, Stop())).has_value(), "unloading " + name);
  };
  for (const std::string& loaded_as : names) {
    for (const std::string& other : names) {
      Request request = world.request();
      request.model = loaded_as;
      const auto fresh = story.run(world, core, "as " + loaded_as, request);
      request.model = other;
      const auto again = story.run(world, core, "as " + other, request);
      story.require(fresh && fresh->ipfs_load_time > 0, loaded_as + " was loaded");
      story.require(again && again->ipfs_load_time == 0, other + " is the same model");
      unload("nothing of ours");
      const auto kept = story.run(world, core, "after an unknown name was unloaded", request);
      story.require(kept && kept->ipfs_load_time == 0, "it is still loaded");
      unload(other);
    }
  }
}

/// An adapter that is there, and goes away with the first work it gets.
class LostGpu final : public webgpu::Gpu {
 public:
  Async<std::vector<DeviceInfo>> list() override { co_return std::vector<DeviceInfo>(1, info()); }
  Async<webgpu::OpenedGpu> open() override { co_return webgpu::OpenedGpu{info(), {}}; }
  std::string lost() const override { return gone_ ? "taken away" : ""; }
  Async<webgpu::BufferId> buffer(ByteView) override {
    gone_ = true;
    co_return fail(ErrorCode::kDeviceLost, "the adapter was taken away");
  }
  Async<webgpu::PlanId> plan(webgpu::Recording, std::vector<webgpu::BufferId>) override {
    co_return fail(ErrorCode::kDeviceLost, "the adapter was taken away");
  }
  Async<> submit(webgpu::PlanId, std::vector<ByteView>, std::vector<std::span<std::uint8_t>>) override {
    co_await fail(ErrorCode::kDeviceLost, "the adapter was taken away");
  }
  void drop_buffer(webgpu::BufferId) override {}
  void drop_plan(webgpu::PlanId) override {}

 private:
  static DeviceInfo info() {
    DeviceInfo info;
    info.platform = "webgpu";
    info.name = "an adapter";
    info.is_real_hardware = true;
    return info;
  }
  bool gone_ = false;
};

void lost_device(std::vector<Outcome>& outcomes) {
  Story story("a device that is lost", outcomes);
  for (const bool allowed : {true, false}) {
    World world;
    LostGpu gpu;
    host::Host host = world.host.host();
    host.gpu = &gpu;
    Core core(host);
    Request request = world.request();
    request.config.platform = "webgpu";
    request.config.allow_fallback = allowed;
    const auto result = story.run(world, core, allowed ? "fallback allowed" : "fallback refused", request);
    if (allowed) {
      story.require(result && result->platform == "cpu" && !result->fallback.empty(), "the CPU helps, and it is said");
    } else {
      story.require(!result && static_cast<int>(result.error().code) / 100 == 5, "a device error");
    }
  }
}

}  // namespace

std::vector<Outcome> run_scenarios(const std::string& only) {
  using Scenario = void (*)(std::vector<Outcome>&);
  static const std::vector<std::pair<std::string, Scenario>> kScenarios = {
      {"cold", cold_and_warm},  {"sources", bad_sources}, {"order", slow_and_out_of_order},
      {"full", full_disk},      {"damage", damage},       {"cancel", cancel_everywhere},
      {"beside", side_by_side}, {"lost", lost_device},    {"names", names_of_one_model}};
  std::vector<Outcome> outcomes;
  for (const auto& [name, scenario] : kScenarios) {
    if (only.empty() || only == name) scenario(outcomes);
  }
  return outcomes;
}

std::string traces_of(const std::vector<Outcome>& outcomes) {
  std::string text;
  for (const Outcome& outcome : outcomes) text += "# " + outcome.name + "\n" + outcome.trace;
  return text;
}

}  // namespace ipfs_accelerate::scripted
