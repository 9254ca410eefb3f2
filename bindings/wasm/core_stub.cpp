// Until src/engine/core.cpp is there: every call fails.
#include "engine/core.h"

namespace ipfs_accelerate {

struct Core::Impl {};
Core::Core(host::Host&) {}
Core::~Core() = default;

static std::unexpected<Error> missing() { return fail(ErrorCode::kInternal, "this build has no engine"); }

Async<RunResult> Core::run(Request, std::vector<Input>, LoadListener, Stop) {
  co_await missing();
  co_return RunResult{};
}
Async<LoadedFacts> Core::load(Request, LoadListener, Stop) {
  co_await missing();
  co_return LoadedFacts{};
}
Async<std::string> Core::explain(Request, std::vector<Input>, Stop) {
  co_await missing();
  co_return "";
}
Async<Evaluation> Core::evaluate(Request, std::vector<EncodedItem>, std::vector<Input>, Stop) {
  co_await missing();
  co_return Evaluation{};
}
Async<std::string> Core::devices(Stop) {
  co_await missing();
  co_return "";
}
void Core::unload(const Request&) {}
std::string RunResult::to_json() const { return "{}"; }
Result<Config> Config::from_json(std::string_view) { return Config{}; }

}  // namespace ipfs_accelerate
