// Loading, sources, damage, stops; see world.h for what they are made of.
#include "scenarios/world.h"

namespace ipfs_accelerate::scripted {
namespace {

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
    story.require(cold && again && cold->answers == again->answers, "the same numbers");
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
    const auto result = world.host.run(core.run(world.request(), {Text{"red"}}, {}, stop));
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
    const auto after = world.host.run(core.run(world.request(), {Text{"red"}}, {}, Stop()));
    story.require(after.has_value(), "the next run works after a stop");
  }
  story.require(cancelled > 10, "there are many moments to stop at");
}

void side_by_side(std::vector<Outcome>& outcomes) {
  Story story("two models side by side", outcomes);
  World world;
  Core core(world.host.host());
  Request second = world.request();
  second.model = world.other.text();
  int ended = 0;
  const auto both = [&]() -> Async<> {
    std::vector<Request> requests = {world.request(), second, world.request()};
    co_await for_each_limited(3, 3, [&](std::size_t i) -> Async<> {
      const RunResult result = co_await core.run(requests[i], {Text{"red lamp"}}, {}, Stop());
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

}  // namespace

std::vector<Outcome> run_scenarios(const std::string& only) {
  using Scenario = void (*)(std::vector<Outcome>&);
  static const std::vector<std::pair<std::string, Scenario>> kScenarios = {{"cold", cold_and_warm},
                                                                           {"sources", bad_sources},
                                                                           {"order", slow_and_out_of_order},
                                                                           {"full", full_disk},
                                                                           {"damage", damage},
                                                                           {"cancel", cancel_everywhere},
                                                                           {"beside", side_by_side},
                                                                           {"lost", lost_device},
                                                                           {"lost", lost_at_submit},
                                                                           {"lost", failed_at_submit},
                                                                           {"lost", lost_under_two_models},
                                                                           {"shared", shared_load},
                                                                           {"shared", late_caller},
                                                                           {"shared", shared_model},
                                                                           {"names", names_of_one_model}};
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
