#include "engine/request.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/contents.h"
#include "engine/model_name.h"
#include "fetch/sources.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

std::vector<std::int32_t> numbers(const Json& object, const char* key) {
  std::vector<std::int32_t> values;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return values;
  for (const Json& value : *found) values.push_back(value.is_number_integer() ? value.get<std::int32_t>() : -1);
  return values;
}

Result<> wrong(const std::string& key, const char* wanted) {
  return fail(ErrorCode::kInvalidArgument, "'{}' must be {}", key, wanted);
}

Result<> read_bool(const std::string& key, const Json& value, bool& into) {
  if (!value.is_boolean()) return wrong(key, "true or false");
  into = value.get<bool>();
  return {};
}

Result<> read_text(const std::string& key, const Json& value, std::string& into) {
  if (!value.is_string()) return wrong(key, "a text");
  into = value.get<std::string>();
  return {};
}

Result<> read_texts(const std::string& key, const Json& value, std::vector<std::string>& into) {
  if (!value.is_array()) return wrong(key, "an array of texts");
  for (const Json& item : value) IA_TRY(read_text(key, item, into.emplace_back()));
  return {};
}

// More threads than this compute nothing sooner, and each costs its stack.
constexpr int kMostThreads = 64;     // on a small machine too: a number that is fine on one is fine on the next
constexpr int kMostThreadsEach = 4;  // for each processor, where that is more

/// Where a caller in a page is.
struct Page {
  std::string base, origin;
  std::vector<std::string> gateways;
};

Result<> read_page(Page& page, const Json& json) {
  if (!json.is_object()) return wrong("page", "an object");
  for (const auto& [key, value] : json.items()) {
    if (key == "base") {
      IA_TRY(read_text(key, value, page.base));
    } else if (key == "origin") {
      IA_TRY(read_text(key, value, page.origin));
    } else if (key == "gateways") {
      IA_TRY(read_texts(key, value, page.gateways));
    } else {
      return fail(ErrorCode::kUnknownOption, "a page has no field '{}'", key);
    }
  }
  return {};
}

/// The model's name, and the gateway that an object names beside it.
Result<> read_model(Call& call, const Json& model, const Page& page) {
  constexpr const char* kForms = "a CID, an address, a folder, or {cid, gateway}";
  std::string& found = call.request.model;
  if (model.is_string()) {
    call.name = model.get<std::string>();
    found = is_relative(call.name) ? resolve_address(page.base, call.name) : call.name;
    return {};
  }
  if (!model.is_object()) return wrong("model", kForms);
  if (const auto cid = model.find("cid"); cid != model.end()) {
    IA_TRY(read_text("cid", *cid, call.name));
    const bool has_scheme = call.name.starts_with("/ipfs/") || call.name.starts_with("ipfs://");
    found = has_scheme ? call.name : "/ipfs/" + call.name;
    const auto gateway = model.find("gateway");
    if (gateway == model.end() || gateway->is_null() || *gateway == "") return {};
    std::vector<std::string>& gateways = call.request.config.gateways;
    return read_text("gateway", *gateway, *gateways.emplace(gateways.begin()));
  }
  if (const auto url = model.find("url"); url != model.end()) {
    IA_TRY(read_text("url", *url, call.name));
    found = resolve_address(page.base, call.name);
    if (!found.starts_with("http://") && !found.starts_with("https://"))
      return wrong("url", "an address, http or https");
    return {};
  }
  const auto folder = model.find("folder");
  if (folder == model.end()) return wrong("model", kForms);
  IA_TRY(read_text("folder", *folder, call.name));
  found = call.name;
  return {};
}

/// A page of a file or a sandbox has no origin to ask.
void use_gateways_of(const Page& page, std::vector<std::string>& gateways) {
  if (gateways.empty()) gateways = page.gateways;
  if (gateways.empty() && page.origin.starts_with("http")) gateways.push_back(page.origin);
}

/// Names that transformers.js has for options of ours.
Result<> rename_options(Json& config) {
  if (const auto device = config.find("device"); device != config.end()) {
    config["platform"] = Json(*device);
    config.erase("device");
  }
  if (config.contains("platform") && config["platform"] == "wasm") config["platform"] = "cpu";
  const auto dtype = config.find("dtype");
  if (dtype == config.end()) return {};
  if (*dtype != "fp32" && *dtype != "fp16") {
    return fail(ErrorCode::kUnsupportedPrecision, "dtype {} is not available; fp32 and fp16 are",
                dtype->dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60));
  }
  config["precision"] = *dtype == "fp16" ? 16 : 32;
  config.erase("dtype");
  return {};
}

/// Options that Config does not have are taken out first.
Result<> read_config(Call& call, Json config) {
  Request& request = call.request;
  if (!config.is_object()) return wrong("config", "an object");
  IA_TRY(rename_options(config));
  if (const auto found = config.find("pooling"); found != config.end()) {
    IA_TRY(read_text("pooling", *found, request.pooling));
    config.erase(found);
  }
  if (const auto found = config.find("normalize"); found != config.end()) {
    IA_TRY(read_bool("normalize", *found, request.normalize.emplace()));
    config.erase(found);
  }
  if (const auto found = config.find("return_full_text"); found != config.end()) {
    IA_TRY(read_bool("return_full_text", *found, call.return_full_text.emplace()));
    config.erase(found);
  }
  if (const auto found = config.find("stall_timeout"); found != config.end()) {
    if (!found->is_number() || !(found->get<double>() >= 1) || found->get<double>() > 3.6e6) {
      return wrong("stall_timeout", "1 to 3600000 milliseconds");
    }
    config["gateway_timeout"] = static_cast<int>(std::ceil(found->get<double>() / 1000));
    config.erase("stall_timeout");
  }
  IA_ASSIGN(request.config, Config::from_json(config.dump(-1, ' ', false, Json::error_handler_t::replace)));
  return {};
}

/// {"shape", "ints" or "values"}
Result<Tensor> read_tensor(const std::string& name, const Json& json) {
  const bool ints = json.is_object() && json.contains("ints");
  const Json numbers = json.is_object() ? json.value(ints ? "ints" : "values", Json()) : Json();
  const Json sizes = json.is_object() ? json.value("shape", Json()) : Json();
  const auto is_size = [](const Json& size) { return size.is_number_unsigned() && size <= INT32_MAX; };
  if (!numbers.is_array() || !sizes.is_array() || !std::ranges::all_of(sizes, is_size)) {
    return fail(ErrorCode::kInvalidArgument, "tensor '{}' must have a 'shape', and a list 'ints' or 'values'", name);
  }
  Shape shape = sizes.get<Shape>();
  IA_ASSIGN(const std::int64_t count, element_count(shape));
  const auto fits = [&](const Json& one) {
    return ints ? one.is_number_integer() && one >= INT32_MIN && one <= INT32_MAX : one.is_number();
  };
  if (static_cast<std::size_t>(count) != numbers.size() || !std::ranges::all_of(numbers, fits)) {
    return fail(ErrorCode::kInvalidArgument, "tensor '{}' must have {} {} for its shape {}", name, count,
                ints ? "32-bit whole numbers" : "numbers", shape_text(shape));
  }
  Tensor tensor = ints ? Tensor::i32(std::move(shape)) : Tensor::f32(std::move(shape));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (ints) tensor.i32s()[i] = numbers[i].get<std::int32_t>();
    if (!ints) tensor.f32s()[i] = numbers[i].get<float>();
  }
  return tensor;
}

Result<> read_field(Call& call, const std::string& key, const Json& value, const ReadFile& read_file) {
  Request& request = call.request;
  if (key == "method") return read_text(key, value, call.method);
  if (key == "model" || key == "page") return {};  // read last
  if (key == "config") {
    call.has_top_k = value.is_object() && value.contains("top_k");
    return read_config(call, value);
  }
  if (key == "hidden_states") return read_bool(key, value, request.hidden_states);
  if (key == "all_tokens") return read_bool(key, value, request.all_tokens);
  if (key == "inputs") {
    call.has_list = value.is_array();
    IA_ASSIGN(call.inputs, contents_of(value, read_file));
    return {};
  }
  if (key == "encodings") {
    if (!value.is_array()) return wrong(key, "an array");
    for (const Json& item : value) {
      if (!item.is_object()) return wrong(key, "an array of objects");
      call.given.encodings.push_back(
          {numbers(item, "ids"), numbers(item, "type_ids"), numbers(item, "attention_mask")});
    }
    return {};
  }
  if (key == "tensors") {
    if (!value.is_object()) return wrong(key, "an object");
    for (const auto& [name, tensor] : value.items()) {
      IA_ASSIGN(Tensor read, read_tensor(name, tensor));
      call.given.tensors.emplace_back(name, std::move(read));
    }
    return {};
  }
  return fail(ErrorCode::kUnknownOption, "a call has no field '{}'", key);
}

}  // namespace

Result<> check_config(const Config& config, int processors) {
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
  if (config.top_k < 1 || config.top_k > 1'000'000) {
    return fail(ErrorCode::kInvalidArgument, "top_k is {}; it must be 1 to 1000000", config.top_k);
  }
  if (config.max_new_tokens < 0 || config.max_new_tokens > 1'000'000) {
    return fail(ErrorCode::kInvalidArgument, "max_new_tokens is {}; it must be 1 to 1000000, or 0 for the model's own",
                config.max_new_tokens);
  }
  for (const std::int32_t id : config.stop_token_ids) {
    if (id < 0) return fail(ErrorCode::kInvalidArgument, "stop_token_ids has {}; numbers of tokens are 0 or more", id);
  }
  if (config.batch_size < 1 || config.batch_size > 4096) {
    return fail(ErrorCode::kInvalidArgument, "batch_size is {}; it must be 1 to 4096", config.batch_size);
  }
  if (config.gateway_timeout < 1 || config.gateway_timeout > 3600) {
    return fail(ErrorCode::kInvalidArgument, "gateway_timeout is {} s; it must be 1 to 3600", config.gateway_timeout);
  }
  const int most_threads = std::max(kMostThreads, kMostThreadsEach * processors);
  if (config.threads < 0 || config.threads > most_threads) {
    return fail(ErrorCode::kInvalidArgument, "threads is {}; it must be 1 to {}, or 0 for all", config.threads,
                most_threads);
  }
  for (const std::string& url : config.gateways) IA_TRY(fetch::parse_gateway(url));
  return {};
}

Result<Call> read_call(std::string_view text, const ReadFile& read_file) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "the call is no JSON object");
  Call call;
  for (const auto& [key, value] : json.items()) IA_TRY(read_field(call, key, value, read_file));
  Page page;
  if (json.contains("page")) IA_TRY(read_page(page, json["page"]));
  use_gateways_of(page, call.request.config.gateways);
  if (json.contains("model")) IA_TRY(read_model(call, json["model"], page));
  return call;
}

}  // namespace ipfs_accelerate
