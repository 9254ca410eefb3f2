// Calls that only tests make: each port, called from C++ as the engine calls it. Linked into the test programs alone.
#include "tests/page/test_calls.h"

#include <map>

#include "base/base64.h"
#include "engine/calls.h"
#include "scenarios/scenarios.h"

namespace ipfs_accelerate::page {
namespace {

using Json = nlohmann::json;

std::string hex(ByteView bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += std::format("{:02x}", byte);
  return text;
}

std::string text_of(const HostBytesRef& bytes) {
  return std::string(as_text(BytesView(bytes, 0, bytes->size()).view()));
}

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

host::NetRequest request_for(const Json& json) {
  host::NetRequest request;
  request.url = json.value("url", "");
  request.accept = json.value("accept", "");
  request.max_bytes = json.value("max_bytes", request.max_bytes);
  request.max_unstated = json.value("max_unstated", request.max_unstated);
  request.stall_seconds = json.value("stall", request.stall_seconds);
  request.total_seconds = json.value("total", request.total_seconds);
  request.follow_redirects = json.value("follow", false);
  return request;
}

/// {"url", "max_bytes"?, "max_unstated"?, "stall"?, "total"?, "follow"?} -> {"status", "size", "sha256", "begin"}
Async<Json> net(host::Host& host, Json json, Stop stop) {
  const host::NetAnswer answer = co_await host.net.get(request_for(json), stop);
  const auto digests = co_await host.hash.hash({{content::HashFunction::kSha2_256, answer.body}});
  const BytesView begin(answer.body, 0, std::min<std::uint64_t>(answer.body->size(), 20));
  co_return Json{{"status", answer.status},
                 {"size", answer.body->size()},
                 {"sha256", hex(digests[0].bytes())},
                 {"begin", as_text(begin.view())}};
}

Async<content::VerifiedBytes> verified(host::Host& host, HostBytesRef bytes) {
  auto digests = co_await host.hash.hash({{content::HashFunction::kSha2_256, bytes}});
  content::Cid cid;
  cid.hash.digest.assign(digests[0].bytes().begin(), digests[0].bytes().end());
  co_return co_await content::verify(cid, std::move(bytes), digests[0]);
}

/// {"text" or "url", "other"}: puts the bytes, asks for them and for another CID, forgets them unless "stay".
Async<Json> keep(host::Host& host, Json json, Stop stop) {
  const content::Cid other = co_await content::Cid::parse(json.value("other", ""));
  HostBytesRef bytes = own_bytes(bytes_of(json.value("text", "")));
  if (json.contains("url")) bytes = (co_await host.net.get(request_for(json), stop)).body;
  const content::VerifiedBytes block = co_await verified(host, bytes);
  const std::vector<content::Cid> cids{block.cid(), other};
  co_await host.keep.put(block);
  co_await host.keep.flush();
  const std::vector<bool> has = co_await host.keep.has(cids);
  const std::vector<HostBytesRef> read = co_await host.keep.read(cids);
  if (!json.value("stay", false)) co_await host.keep.forget({block.cid()});
  const std::vector<bool> after = co_await host.keep.has(cids);
  co_return Json{{"kind", host.keep.kind()},    {"cid", block.cid().text()},        {"has", has},
                 {"read", text_of(read.at(0))}, {"missing", read.at(1) == nullptr}, {"after", after}};
}

/// {"cids": [...]} -> bytes of each, null where none is kept.
Async<Json> kept(host::Host& host, Json json, Stop) {
  std::vector<content::Cid> cids;
  for (const Json& text : json["cids"]) cids.push_back(co_await content::Cid::parse(text.get<std::string>()));
  Json found = Json::array();
  for (const HostBytesRef& bytes : co_await host.keep.read(cids)) {
    found.push_back(bytes ? Json(bytes->size()) : Json(nullptr));
  }
  co_return found;
}

/// {"url"}: the same bytes hashed where they lie and in here, with both functions.
Async<Json> hash(host::Host& host, Json json, Stop stop) {
  using enum content::HashFunction;
  const HostBytesRef there = (co_await host.net.get(request_for(json), stop)).body;
  const HostBytesRef here = own_bytes(bytes_of(text_of(there)));
  const auto digests =
      co_await host.hash.hash({{kSha2_256, there}, {kSha2_256, here}, {kSha2_512, there}, {kSha2_512, here}});
  Json found = Json::array();
  for (const content::Digest& digest : digests) found.push_back(hex(digest.bytes()));
  co_return found;
}

/// {"seconds"} -> seconds that passed.
Async<Json> clock(host::Host& host, Json json, Stop stop) {
  const double begin = host.clock.now();
  co_await host.clock.sleep(json.value("seconds", 0.0), stop);
  Bytes random(300);
  host.clock.random(random);
  co_return Json{{"slept", host.clock.now() - begin}, {"random", hex(random)}};
}

/// {"steps", "work"}: a run of steps; gives how many were done.
Async<Json> steps(host::Host& host, Json json, Stop stop) {
  const int count = json.value("steps", 0), work = json.value("work", 0);
  int done = 0;
  volatile double sink = 0;
  const std::shared_ptr<Pool> pool = host.compute.pool(json.value("threads", 0));
  co_await host.compute.run_steps(
      [&]() -> Result<bool> {
        pool->run(pool->threads(), [&](std::int64_t, int) {
          for (int i = 0; i < work; ++i) sink = sink + i;
        });
        return ++done < count;
      },
      stop);
  co_return Json{{"done", done}, {"threads", pool->threads()}};
}

/// {"folder"} -> its real path and items; {"folder", "path", "offset", "length"} -> text.
Async<Json> files(host::Host& host, Json json, Stop) {
  if (host.files == nullptr) co_return nullptr;
  const std::string folder = json.value("folder", "");
  if (json.contains("path")) {
    co_return text_of(
        co_await host.files->read(folder, json.value("path", ""), json.value("offset", 0), json.value("length", 0)));
  }
  const host::Files::Listing listing = co_await host.files->list(folder);
  Json items = Json::array();
  for (const auto& item : listing.items) {
    items.push_back({item.name, static_cast<int>(item.kind), item.size, item.link_target});
  }
  co_return Json{{"real_path", listing.real_path}, {"items", items}};
}

/// {"values", "wgsl"}: one dispatch over an input, a weight and an output; twice at once.
Async<Json> gpu(host::Host& host, Json json, Stop stop) {
  using namespace webgpu;
  const OpenedGpu opened = co_await host.gpu->open(stop);
  const std::vector<float> input = json["values"], weight = json["weight"];
  const std::int64_t bytes = static_cast<std::int64_t>(input.size()) * 4;
  const std::int64_t elements = static_cast<std::int64_t>(input.size());
  Recording recording;
  recording.buffers = {{BufferKind::kInput, bytes, 0, Dtype::kF32, elements},
                       {BufferKind::kWeight, bytes, 0, Dtype::kF32, elements},
                       {BufferKind::kOutput, bytes, 0, Dtype::kF32, elements},
                       {BufferKind::kConstant, bytes, -1, Dtype::kF32, 0, Bytes(static_cast<std::size_t>(bytes), 0)}};
  recording.pipelines = {{"test",
                          json.value("wgsl", ""),
                          {BindingType::kReadOnlyStorage, BindingType::kReadOnlyStorage, BindingType::kStorage}}};
  recording.dispatches = {{0, {{0, 0, bytes}, {1, 0, bytes}, {2, 0, bytes}}, {1, 1, 1}, "test"}};
  recording.readback_bytes = bytes;
  const auto view = [](const std::vector<float>& v) {
    return ByteView(reinterpret_cast<const std::uint8_t*>(v.data()), v.size() * 4);
  };
  const BufferId buffer = co_await host.gpu->buffer(static_cast<std::int64_t>(view(weight).size()), view(weight));
  const PlanId plan = (co_await host.gpu->plan(recording, {buffer}, stop)).id;
  std::vector<std::vector<float>> outputs(3, std::vector<float>(input.size()));
  for (std::vector<float>& output : outputs) {
    std::vector<std::span<std::uint8_t>> out{{reinterpret_cast<std::uint8_t*>(output.data()), output.size() * 4}};
    co_await host.gpu->submit(plan, {view(input)}, std::move(out));
  }
  host.gpu->drop_plan(plan);
  host.gpu->drop_buffer(buffer);
  co_return Json{{"outputs", outputs},
                 {"name", opened.info.name},
                 {"listed", (co_await host.gpu->list()).size()},
                 {"real", opened.info.is_real_hardware},
                 {"browser", opened.info.browser},
                 {"lost", host.gpu->lost()}};
}

/// {"lowered", "constant", "values", "outputs"}: builds and dispatches once.
Async<Json> webnn(host::Host& host, Json json, Stop stop) {
  const webnn::OpenedContext context = co_await host.webnn->open(stop);
  const std::vector<float> input = json["values"], weight = json["constant"];
  const auto view = [](const std::vector<float>& v) {
    return ByteView(reinterpret_cast<const std::uint8_t*>(v.data()), v.size() * 4);
  };
  const webnn::ConstantId constant = co_await host.webnn->constant(view(weight));
  const webnn::GraphId graph = co_await host.webnn->build(context.id, json["lowered"].dump(), {constant}, stop);
  std::vector<float> output(json.value("outputs", std::size_t{0}));
  std::vector<std::span<std::uint8_t>> out{{reinterpret_cast<std::uint8_t*>(output.data()), output.size() * 4}};
  co_await host.webnn->dispatch(graph, {view(input)}, std::move(out));
  host.webnn->drop_graph(graph);
  host.webnn->drop_constant(constant);
  host.webnn->drop_context(context.id);
  co_return Json{{"output", output}, {"limits", Json::parse(context.limits_json, nullptr, false).size()}};
}

/// {"urls"} of pictures -> of each its size and pixels (base64), or its error.
Async<Json> pictures(host::Host& host, Json json, Stop stop) {
  Json found = Json::array();
  for (const Json& url : json["urls"]) {
    const host::NetAnswer answer = co_await host.net.get(request_for({{"url", url}}), stop);
    const Result<Image> image = co_await as_result(host.decode.picture(answer.body, stop));
    if (image) {
      found.push_back({{"width", image->width}, {"height", image->height}, {"pixels", base64(image->pixels)}});
    } else {
      found.push_back({{"code", error_name(image.error().code)}, {"message", image.error().message}});
    }
  }
  co_return Json{{"pictures", found}};
}

/// The engine's scenarios on the scripted host: nothing of the page is used but its WebAssembly.
Async<Json> scenarios(host::Host&, Json json, Stop) {
  Json problems = Json::array();
  const std::vector<scripted::Outcome> outcomes = scripted::run_scenarios(json.value("only", ""));
  for (const scripted::Outcome& outcome : outcomes) {
    for (const std::string& problem : outcome.problems) problems.push_back(outcome.name + ": " + problem);
  }
  co_return Json{{"traces", scripted::traces_of(outcomes)}, {"problems", problems}};
}

using Test = Async<Json> (*)(host::Host&, Json, Stop);
const std::map<std::string, Test>& tests() {
  static const std::map<std::string, Test> table{{"test.net", net},
                                                 {"test.keep", keep},
                                                 {"test.kept", kept},
                                                 {"test.hash", hash},
                                                 {"test.clock", clock},
                                                 {"test.steps", steps},
                                                 {"test.files", files},
                                                 {"test.gpu", gpu},
                                                 {"test.webnn", webnn},
                                                 {"test.pictures", pictures},
                                                 {"test.conformance", conformance},
                                                 {"test.scenarios", scenarios}};
  return table;
}

}  // namespace

Async<std::string> page_call(Core& core, host::Host& host, std::string request, EventListener tell, Stop stop,
                             ReadFile read_file) {
  const Json json = Json::parse(request, nullptr, false);
  const auto found = tests().find(json.is_object() ? json.value("method", "") : "");
  if (found == tests().end()) {
    co_return co_await carry_out(core, std::move(request), std::move(tell), stop, std::move(read_file));
  }
  const Json answer = co_await found->second(host, json, stop);
  co_return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ipfs_accelerate::page
