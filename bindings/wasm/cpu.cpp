// The CPU backend for the page: load a graph, hand over weights, compile, run.
#include "backend/cpu/cpu.h"

#include "abi.h"

namespace ipfs_accelerate::wasm {
namespace {

/// One backend, and so one thread pool, for each number of threads: a page has only as many threads as were started
/// with the program, and cannot start more while it waits.
Backend& backend(int threads) {
  static std::map<int, std::unique_ptr<Backend>> kept;
  auto& found = kept[threads];
  if (!found) found = cpu::make_backend(threads);
  return *found;
}

Handles<Program>& programs() {
  static Handles<Program> kept;
  return kept;
}
Handles<Executable>& executables() {
  static Handles<Executable> kept;
  return kept;
}

Result<Json> load(const Graph& graph, const Json& json) {
  auto options = load_options(json);
  IA_ASSIGN(auto program, backend(options.threads).load(graph, options));
  auto optimizations = program->optimizations();
  return Json{{"program", programs().keep(std::move(program))}, {"optimizations", std::move(optimizations)}};
}

Result<Json> compile(Program& program, const Json& json) {
  IA_ASSIGN(auto shape, shape_field(json));
  IA_ASSIGN(auto executable, program.compile(shape));
  auto bytes = executable->memory_bytes();
  return Json{{"executable", executables().keep(std::move(executable))},
              {"activation_bytes", bytes},
              {"weight_bytes", program.weight_bytes()}};
}

template <class Ref>
std::vector<Ref> tensor_refs(const Json& json, const char* key) {
  std::vector<Ref> refs;
  for (const auto& item : json.value(key, Json::array())) {
    auto* pointer = reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(int_field(item, "pointer", 0)));
    auto dtype = text_field(item, "dtype") == "I32" ? Dtype::kI32 : Dtype::kF32;
    refs.push_back({dtype, {pointer, static_cast<std::size_t>(int_field(item, "bytes", 0))}});
  }
  return refs;
}

}  // namespace
}  // namespace ipfs_accelerate::wasm

using namespace ipfs_accelerate;
using namespace ipfs_accelerate::wasm;

/// Facts of the CPU as this program uses it.
IA_EXPORT int ia_cpu_device(int threads) {
  const auto& device = backend(threads).device();
  return answer(Json{{"name", device.name}, {"features", device.features}, {"threads", device.threads}});
}

/// {precision, threads} -> {program, optimizations}.
IA_EXPORT int ia_cpu_load(int graph, const char* text, std::size_t size) {
  return answer(graphs().find(graph).and_then([&](Graph* found) {
    return parse_object(text, size).and_then([&](const Json& json) { return load(*found, json); });
  }));
}

/// {index, parts: [{dtype, shape, pointer, bytes}]}.
IA_EXPORT int ia_cpu_upload(int program, const char* text, std::size_t size) {
  return answer(programs().find(program).and_then([&](Program* found) {
    return parse_object(text, size).and_then([&](const Json& json) -> Result<Json> {
      IA_ASSIGN(auto parts, weight_parts(json));
      IA_TRY(found->upload(static_cast<WeightId>(int_field(json, "index", -1)), parts));
      return Json::object();
    });
  }));
}

/// {batch, sequence, rows} -> {executable, activation_bytes, weight_bytes}.
IA_EXPORT int ia_cpu_compile(int program, const char* text, std::size_t size) {
  return answer(programs().find(program).and_then([&](Program* found) {
    return parse_object(text, size).and_then([&](const Json& json) { return compile(*found, json); });
  }));
}

/// {inputs: [{dtype, pointer, bytes}], outputs: [...]} in the graph's order.
IA_EXPORT int ia_cpu_run(int executable, const char* text, std::size_t size) {
  return answer(executables().find(executable).and_then([&](Executable* found) {
    return parse_object(text, size).and_then([&](const Json& json) -> Result<Json> {
      IA_TRY(found->run(tensor_refs<TensorRef>(json, "inputs"), tensor_refs<MutableTensorRef>(json, "outputs")));
      return Json::object();
    });
  }));
}

IA_EXPORT void ia_cpu_free(int program) { programs().drop(program); }
IA_EXPORT void ia_executable_free(int executable) { executables().drop(executable); }
