// The C ABI over the facade: JSON to structs and back, and no exception past this file.
#include <cstdlib>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "engine/calls.h"
#include "engine/json_forms.h"
#include "engine/request.h"
#include "ipfs_accelerate/c.h"
#include "ipfs_accelerate/ipfs_accelerate.h"

struct ia_engine {
  ipfs_accelerate::Engine engine;
};
struct ia_run {
  ipfs_accelerate::Run run;
};

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

char* copy(const std::string& text) {
  char* memory = static_cast<char*>(std::malloc(text.size() + 1));
  if (memory) std::memcpy(memory, text.c_str(), text.size() + 1);
  return memory;
}

void give(char** out, const std::string& text) {
  if (out) *out = copy(text);
}

/// Runs `work`, which returns a Result of text, and hands its text or message out.
template <class Work>
int call(char** out, Work work) {
  if (out) *out = nullptr;
  try {
    const Result<std::string> result = work();
    give(out, result ? *result : result.error().message);
    return result ? 0 : static_cast<int>(result.error().code);
  } catch (const std::exception& error) {
    give(out, std::string("an exception reached the C interface: ") + error.what());
  } catch (...) {
    give(out, "an unknown exception reached the C interface");
  }
  return static_cast<int>(ErrorCode::kInternal);
}

std::unexpected<Error> missing_argument(const char* name) {
  return fail(ErrorCode::kInvalidArgument, "the argument {} is NULL", name);
}

Result<std::vector<Content>> inputs_of(const char* text) {
  if (!text) return std::vector<Content>();
  return read_contents(text, local_files());
}

Result<AddOptions> add_options_of(const char* text) {
  AddOptions options;
  if (!text) return options;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "the options are no JSON object");
  for (const auto& [key, value] : json.items()) {
    if (key == "profile" && value.is_string())
      options.profile = value.get<std::string>();
    else if (key == "name" && value.is_string())
      options.name = value.get<std::string>();
    else if (key == "reference" && value.is_boolean())
      options.reference = value.get<bool>();
    else if (key == "dereference" && value.is_boolean())
      options.dereference = value.get<bool>();
    else if (key == "hidden" && value.is_boolean())
      options.hidden = value.get<bool>();
    else
      return fail(ErrorCode::kUnknownOption,
                  "no option '{}' of that type; known: profile, name, reference, dereference, hidden", key);
  }
  return options;
}

Result<std::string> removed_json(const Result<GcReport>& report) {
  if (!report) return std::unexpected(report.error());
  return dump({{"files", report->files}, {"blocks", report->blocks}, {"bytes", report->bytes}});
}

Result<std::string> cid_json(const Result<std::string>& cid) {
  if (!cid) return std::unexpected(cid.error());
  return dump({{"cid", *cid}});
}

}  // namespace
}  // namespace ipfs_accelerate

using namespace ipfs_accelerate;  // the functions below are C's, in no namespace
using Out = Result<std::string>;

int ia_open(const char* home, ia_engine** engine, char** out) {
  return call(out, [&]() -> Out {
    if (!engine) return missing_argument("engine");
    *engine = nullptr;
    IA_ASSIGN(Engine opened, Engine::open(home ? std::filesystem::path(home) : default_home()));
    *engine = new ia_engine{std::move(opened)};
    return "{}";
  });
}

void ia_close(ia_engine* engine) { delete engine; }

int ia_accelerate(ia_engine* engine, const char* model, const char* inputs, const char* config, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !model || !inputs) return missing_argument("engine, model or inputs");
    IA_ASSIGN(const auto items, inputs_of(inputs));
    IA_ASSIGN(const Config options, Config::from_json(config ? config : "{}"));
    IA_ASSIGN(const RunResult result, engine->engine.accelerate(model, items, options));
    return result.to_json();
  });
}

int ia_start(ia_engine* engine, const char* model, const char* inputs, const char* config, ia_listener listener,
             void* user, ia_run** run, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !model || !inputs || !run) return missing_argument("engine, model, inputs or run");
    *run = nullptr;
    IA_ASSIGN(const auto items, inputs_of(inputs));
    IA_ASSIGN(const Config options, Config::from_json(config ? config : "{}"));
    Listener told;
    if (listener) {
      told = [=, name = std::string(model)](const Event& event) { listener(user, event_json(name, event).c_str()); };
    }
    *run = new ia_run{engine->engine.start(model, items, options, std::move(told))};
    return "{}";
  });
}

int ia_done(const ia_run* run) { return !run || run->run.done(); }

int ia_wait(ia_run* run, char** out) {
  return call(out, [&]() -> Out {
    if (!run) return missing_argument("run");
    IA_ASSIGN(const RunResult result, run->run.wait());
    return result.to_json();
  });
}

void ia_cancel(ia_run* run) {
  if (run) run->run.cancel();
}

void ia_run_free(ia_run* run) { delete run; }

int ia_explain(ia_engine* engine, const char* model, const char* inputs, const char* config, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !model) return missing_argument("engine or model");
    IA_ASSIGN(const auto items, inputs_of(inputs));
    IA_ASSIGN(const Config options, Config::from_json(config ? config : "{}"));
    return engine->engine.explain(model, items, options);
  });
}

int ia_devices(ia_engine* engine, char** out) {
  return call(out, [&]() -> Out {
    if (!engine) return missing_argument("engine");
    return engine->engine.devices();
  });
}

int ia_add(ia_engine* engine, const char* path, const char* options, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !path) return missing_argument("engine or path");
    IA_ASSIGN(const AddOptions wanted, add_options_of(options));
    IA_ASSIGN(const AddReport report, engine->engine.add(path, wanted));
    return dump({{"cid", report.cid},
                 {"name", report.name},
                 {"files", report.files},
                 {"bytes", report.bytes},
                 {"stored_bytes", report.stored_bytes}});
  });
}

int ia_ls(ia_engine* engine, const char* content, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !content) return missing_argument("engine or content");
    IA_ASSIGN(const auto entries, engine->engine.ls(content));
    Json list = Json::array();
    for (const Entry& entry : entries) {
      list.push_back({{"name", entry.name}, {"cid", entry.cid}, {"type", entry.type}, {"size", entry.size}});
    }
    return dump(list);
  });
}

int ia_get(ia_engine* engine, const char* content, const char* target, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !content || !target) return missing_argument("engine, content or target");
    IA_TRY(engine->engine.get(content, target));
    return dump({{"target", target}});
  });
}

int ia_read(ia_engine* engine, const char* content, unsigned char** bytes, size_t* size, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !content || !bytes || !size) return missing_argument("engine, content, bytes or size");
    *bytes = nullptr;
    *size = 0;
    std::string all;
    IA_TRY(engine->engine.cat(content, [&](const void* data, std::size_t length) {
      all.append(static_cast<const char*>(data), length);
      return true;
    }));
    *bytes = reinterpret_cast<unsigned char*>(copy(all));
    if (!*bytes) return fail(ErrorCode::kOutOfMemory, "no memory for the {} bytes of {}", all.size(), content);
    *size = all.size();
    return "{}";
  });
}

int ia_verify(ia_engine* engine, const char* content, char** out) {
  return call(out, [&]() -> Out {
    if (!engine) return missing_argument("engine");
    IA_ASSIGN(const VerifyReport report, engine->engine.verify(content ? content : ""));
    return dump({{"blocks", report.blocks}, {"bytes", report.bytes}, {"damage", report.damage}});
  });
}

int ia_pin(ia_engine* engine, const char* content, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !content) return missing_argument("engine or content");
    return cid_json(engine->engine.pin(content));
  });
}

int ia_unpin(ia_engine* engine, const char* content, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !content) return missing_argument("engine or content");
    return cid_json(engine->engine.unpin(content));
  });
}

int ia_rm(ia_engine* engine, const char* content, char** out) {
  return call(out, [&]() -> Out {
    if (!engine || !content) return missing_argument("engine or content");
    return removed_json(engine->engine.rm(content));
  });
}

int ia_gc(ia_engine* engine, char** out) {
  return call(out, [&]() -> Out {
    if (!engine) return missing_argument("engine");
    return removed_json(engine->engine.gc());
  });
}

int ia_stat(ia_engine* engine, char** out) {
  return call(out, [&]() -> Out {
    if (!engine) return missing_argument("engine");
    IA_ASSIGN(const StoreStat stat, engine->engine.stat());
    return dump({{"home", stat.home},
                 {"pins", stat.pins},
                 {"files", stat.files},
                 {"file_bytes", stat.file_bytes},
                 {"referenced_bytes", stat.referenced_bytes},
                 {"blocks", stat.blocks},
                 {"block_bytes", stat.block_bytes},
                 {"disk_bytes", stat.disk_bytes}});
  });
}

int ia_models(ia_engine* engine, char** out) {
  return call(out, [&]() -> Out {
    if (!engine) return missing_argument("engine");
    IA_ASSIGN(const auto models, engine->engine.models());
    Json list = Json::array();
    for (const NamedModel& model : models) {
      list.push_back(
          {{"name", model.name}, {"cid", model.cid}, {"task", model.task}, {"architecture", model.architecture}});
    }
    return dump(list);
  });
}

const char* ia_error_name(int code) { return error_name(static_cast<ErrorCode>(code)).data(); }
const char* ia_version(void) { return version().data(); }
void ia_free(void* memory) { std::free(memory); }
