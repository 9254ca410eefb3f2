// A list of MLGraphBuilder calls in the making: operands by number, each call checked against the context's limits.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "backend/webnn/limits.h"
#include "graph/graph.h"

namespace ipfs_accelerate::webnn {

/// MLOperandDataType of a dtype: "float32".
std::string_view data_type_name(Dtype dtype);

/// A number for each MLOperand.
using Operand = std::int32_t;
inline constexpr Operand kNoOperand = -1;

/// Operands given to a call by name (gemm's c, layerNormalization's scale and bias). Absent ones are left out.
using NamedOperands = std::vector<std::pair<const char*, Operand>>;

class CallList {
 public:
  explicit CallList(const Limits& limits) : limits_(limits) {}

  Operand input(const std::string& name, Dtype type, Shape shape);
  /// A weight of the graph, uploaded as `type`; the same weight gives the same operand.
  Operand weight(WeightId id, Dtype type, const Shape& shape);
  /// Equal numbers, types and shapes give the same operand.
  Operand numbers(Dtype type, Shape shape, const std::vector<double>& values);
  Operand number(Dtype type, double value) { return numbers(type, {}, {value}); }
  void output(const std::string& name, Operand operand);

  /// One builder method. Its parameters in WebNN's order: operands, then `arguments`, then one options object made of
  /// `options` and `named`. `type` and `shape` are those of the result.
  Operand call(const char* op, std::vector<Operand> operands, Dtype type, Shape shape,
               nlohmann::json arguments = nlohmann::json::array(), nlohmann::json options = nlohmann::json::object(),
               const NamedOperands& named = {});
  /// split into `parts` equal pieces along `axis`.
  std::vector<Operand> split(Operand x, std::int64_t parts, std::int64_t axis);

  Dtype type(Operand operand) const { return operands_[operand].type; }
  const Shape& shape(Operand operand) const { return operands_[operand].shape; }

  /// The first thing the context cannot do; empty when it can do all of it.
  const std::string& refusal() const { return refusal_; }
  /// For what no limit says; the first reason stays.
  void refuse(std::string why) {
    if (refusal_.empty()) refusal_ = std::move(why);
  }
  nlohmann::json finish() &&;

 private:
  struct Facts {
    Dtype type;
    Shape shape;
  };
  Operand add(Dtype type, Shape shape);
  void check(const char* op, std::string_view role, Operand operand);

  const Limits& limits_;
  std::vector<Facts> operands_;
  std::set<Operand> used_;  ///< read by a call
  std::map<WeightId, Operand> weights_;
  std::map<std::string, Operand> constants_;
  nlohmann::json inputs_ = nlohmann::json::array(), list_of_constants_ = nlohmann::json::array(),
                 calls_ = nlohmann::json::array(), outputs_ = nlohmann::json::array();
  std::string refusal_;
};

}  // namespace ipfs_accelerate::webnn
