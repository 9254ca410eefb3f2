// Conformance: a table of small graphs in odd shapes that every backend must compute as the reference interpreter does.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace ipfs_accelerate {

/// One graph with its weights and inputs.
struct ConformanceCase {
  std::string op;    ///< op_name() of what it is about, or "chain" for several ops in a row
  std::string name;  ///< unique among the cases of its op
  Graph graph;
  ShapeClass shape;
  std::vector<Tensor> weights;       ///< f32, by WeightId; every value exists in weight_dtype
  Dtype weight_dtype = Dtype::kF32;  ///< how they are stored when uploaded
  std::vector<Tensor> inputs;
  std::vector<std::vector<Tensor>> later;  ///< inputs of further runs, which find the states of those before
  double tolerance = 2e-5;                 ///< largest |difference| / (1 + |expected|) in f32
};

/// Every case, made anew from fixed seeds.
std::vector<ConformanceCase> conformance_cases();

/// The ops that have cases, each once.
std::vector<std::string> conformance_ops();

/// Values as stored bytes: f32, f16 or bf16.
Bytes store_as(Dtype dtype, std::span<const float> values);

/// What became of a case on a backend.
struct Outcome {
  std::string declined;  ///< why the backend leaves the case to another one; empty when it ran
  std::string wrong;     ///< what differs or failed; empty when all fits
};

/// Loads, uploads, compiles and runs the case on `backend` and compares with the reference. Runs it twice, so that
/// nothing may depend on what memory held before. tolerance_scale widens the bound, for precision 16. The case must
/// live until this ends.
Async<Outcome> check_conformance(const ConformanceCase& conformance_case, Backend& backend, LoadOptions options = {},
                                 double tolerance_scale = 1.0);

}  // namespace ipfs_accelerate
