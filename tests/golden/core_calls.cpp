// core_calls: calls from standard input (a JSON line each, as a page sends them), answered natively: "run" by the
// public Engine, what it does not offer by the core. An answer a line: {"value": ...} or {"error": {"code",
// "message"}}. The store is a folder of its own, so that nothing of the user's is touched.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/calls.h"
#include "engine/request.h"
#include "host/native/native_host.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

namespace {

using namespace ipfs_accelerate;
using Json = nlohmann::json;

std::string answer_line(const Result<std::string>& answer) {
  if (answer) return R"({"value":)" + *answer + "}";
  const Json error = {{"code", error_name(answer.error().code)}, {"message", answer.error().message}};
  return Json{{"error", error}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> run(Engine& engine, const Call& call) {
  IA_ASSIGN(const RunResult result, engine.accelerate(call.request.model, call.inputs, call.request.config));
  return result.to_json();
}

Result<> answer_all(const std::filesystem::path& home) {
  IA_ASSIGN(Engine engine, Engine::open(home));
  IA_ASSIGN(const auto native, host::NativeHost::open(home));
  Core core(native->host());
  for (std::string text; std::getline(std::cin, text);) {
    const auto call = read_call(text, local_files());
    // The public Config has no "normalize": such a run is one of the core.
    const bool plain = call && call->method == "run" && !call->request.normalize;
    std::cout << answer_line(plain ? run(engine, *call)
                                   : native->loop().block_on(carry_out(core, text, {}, Stop(), local_files())))
              << std::endl;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Answers calls from standard input"};
  std::filesystem::path home;
  app.add_option("--home", home, "folder of the store")->required();
  CLI11_PARSE(app, argc, argv);
  const auto done = answer_all(home);
  if (!done) std::cerr << error_name(done.error().code) << ": " << done.error().message << std::endl;
  return done ? 0 : 1;
}
