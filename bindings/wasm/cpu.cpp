// The CPU backend for the page: load a graph, hand over weights, compile, run.
#include "backend/cpu/cpu.h"

#include "abi.h"

namespace ipfs_accelerate::wasm {
namespace {

struct LoadedProgram {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Program> program;
};
Handles<LoadedProgram>& programs() {
  static Handles<LoadedProgram> kept;
  return kept;
}
Handles<Executable>& executables() {
  static Handles<Executable> kept;
  return kept;
}

Result<Json> load(const Graph& graph, const Json& json) {
  auto options = load_options(json);
  auto loaded = std::make_unique<LoadedProgram>();
  loaded->backend = cpu::make_backend(options.threads);
  IA_ASSIGN(loaded->program, loaded->backend->load(graph, options));
  auto& program = *loaded->program;
  return Json{{"program", programs().keep(std::move(loaded))}, {"optimizations", program.optimizations()}};
}

Result<Json> compile(LoadedProgram& loaded, const Json& json) {
  IA_ASSIGN(auto shape, shape_field(json));
  IA_ASSIGN(auto executable, loaded.program->compile(shape));
  auto bytes = executable->memory_bytes();
  return Json{{"executable", executables().keep(std::move(executable))},
              {"activation_bytes", bytes},
              {"weight_bytes", loaded.program->weight_bytes()}};
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
  auto backend = cpu::make_backend(threads);
  const auto& device = backend->device();
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
  return answer(programs().find(program).and_then([&](LoadedProgram* loaded) {
    return parse_object(text, size).and_then([&](const Json& json) -> Result<Json> {
      IA_ASSIGN(auto parts, weight_parts(json));
      IA_TRY(loaded->program->upload(static_cast<WeightId>(int_field(json, "index", -1)), parts));
      return Json::object();
    });
  }));
}

/// {batch, sequence, rows} -> {executable, activation_bytes, weight_bytes}.
IA_EXPORT int ia_cpu_compile(int program, const char* text, std::size_t size) {
  return answer(programs().find(program).and_then([&](LoadedProgram* loaded) {
    return parse_object(text, size).and_then([&](const Json& json) { return compile(*loaded, json); });
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
