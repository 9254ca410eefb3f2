// CallList: numbers operands, asks the limits about every call, and keeps the JSON that docs/webnn.md describes.
#include "backend/webnn/call_list.h"

#include <format>

#include "tensor/format.h"

namespace ipfs_accelerate::webnn {

using Json = nlohmann::json;

std::string_view data_type_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32: return "float32";
    case Dtype::kF16: return "float16";
    case Dtype::kI32: return "int32";
    case Dtype::kU8: return "uint8";
    default: return "";  // no lowering uses others
  }
}

namespace {

/// How opSupportLimits() names the positional operands of a method.
std::string_view role_of(std::string_view op, std::size_t position, std::size_t count) {
  if (op == "gather") return position == 0 ? "input" : "indices";
  if (count == 1 || op == "layerNormalization") return "input";
  return position == 0 ? "a" : "b";
}

}  // namespace

Operand CallList::add(Dtype type, Shape shape) {
  operands_.push_back({type, std::move(shape)});
  auto& added = operands_.back();
  const std::int64_t bytes = byte_count(type, added.shape).value_or(INT64_MAX);
  if (refusal_.empty() && bytes > limits_.max_tensor_bytes()) {
    refusal_ = std::format("a tensor {} has {} bytes, WebNN allows {} here", shape_text(added.shape), bytes,
                           limits_.max_tensor_bytes());
  }
  return static_cast<Operand>(operands_.size()) - 1;
}

void CallList::check(const char* op, std::string_view role, Operand operand) {
  used_.insert(operand);
  if (!refusal_.empty()) return;
  const auto& facts = operands_[operand];
  refusal_ = limits_.refuses(op, role, data_type_name(facts.type), facts.shape.size());
}

Operand CallList::input(const std::string& name, Dtype type, Shape shape) {
  Operand operand = add(type, std::move(shape));
  inputs_.push_back(
      {{"name", name}, {"operand", operand}, {"dataType", data_type_name(type)}, {"shape", operands_.back().shape}});
  return operand;
}

Operand CallList::weight(WeightId id, Dtype type, const Shape& shape) {
  if (auto found = weights_.find(id); found != weights_.end()) return found->second;
  Operand operand = add(type, shape);
  list_of_constants_.push_back(
      {{"operand", operand}, {"weight", id.number}, {"dataType", data_type_name(type)}, {"shape", shape}});
  return weights_[id] = operand;
}

Operand CallList::numbers(Dtype type, Shape shape, const std::vector<double>& values) {
  Json constant{{"dataType", data_type_name(type)}, {"shape", shape}, {"values", values}};
  auto key = constant.dump();
  if (auto found = constants_.find(key); found != constants_.end()) return found->second;
  Operand operand = add(type, std::move(shape));
  constant["operand"] = operand;
  list_of_constants_.push_back(std::move(constant));
  return constants_[std::move(key)] = operand;
}

void CallList::output(const std::string& name, Operand operand) {
  const auto& facts = operands_[operand];
  outputs_.push_back(
      {{"name", name}, {"operand", operand}, {"dataType", data_type_name(facts.type)}, {"shape", facts.shape}});
}

Operand CallList::call(const char* op, std::vector<Operand> operands, Dtype type, Shape shape, Json arguments,
                       Json options, const NamedOperands& named) {
  for (std::size_t i = 0; i < operands.size(); ++i) check(op, role_of(op, i, operands.size()), operands[i]);
  auto by_name = Json::object();
  for (const auto& [name, operand] : named) {
    if (operand == kNoOperand) continue;
    check(op, name, operand);
    by_name[name] = operand;
  }
  Operand result = add(type, std::move(shape));
  if (refusal_.empty()) refusal_ = limits_.refuses(op, "output", data_type_name(type), operands_.back().shape.size());
  calls_.push_back({{"op", op},
                    {"operands", std::move(operands)},
                    {"arguments", std::move(arguments)},
                    {"options", std::move(options)},
                    {"named", std::move(by_name)},
                    {"results", {result}}});
  return result;
}

std::vector<Operand> CallList::split(Operand x, std::int64_t parts, std::int64_t axis) {
  check("split", "input", x);
  std::vector<Operand> results;
  Shape shape = operands_[x].shape;
  shape[axis] /= parts;
  for (std::int64_t i = 0; i < parts; ++i) results.push_back(add(operands_[x].type, shape));
  calls_.push_back({{"op", "split"},
                    {"operands", {x}},
                    {"arguments", {parts}},
                    {"options", {{"axis", axis}}},
                    {"named", Json::object()},
                    {"results", results}});
  return results;
}

Json CallList::finish() && {
  // Browsers drop inputs that no call reads, and then refuse a tensor for them.
  for (auto& input : inputs_) input["used"] = used_.contains(input["operand"].get<Operand>());
  return {{"version", 1},
          {"operands", operands_.size()},
          {"inputs", std::move(inputs_)},
          {"constants", std::move(list_of_constants_)},
          {"calls", std::move(calls_)},
          {"outputs", std::move(outputs_)}};
}

}  // namespace ipfs_accelerate::webnn
