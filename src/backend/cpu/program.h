// Program: the weights of a graph, widened to f32 and packed for the kernels of this machine.
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/buffer.h"
#include "backend/cpu/kernels.h"
#include "base/compute.h"

namespace ipfs_accelerate::cpu {

/// A weight in the forms its ops read.
struct PreparedWeight {
  bool needs_panels = false;  ///< the matrix of a Linear
  bool needs_rows = false;    ///< anything else: a table or a vector
  bool ready = false;
  Buffer panels;  ///< Kernels::pack
  Buffer rows;    ///< row-major f32
};

/// Floats of a weight in these forms.
struct PreparedSizes {
  std::size_t panels = 0, rows = 0;
};
PreparedSizes prepared_sizes(const Weight& weight, const PreparedWeight& forms, const Kernels& kernels);
/// The forms that the nodes of a graph read, per weight.
std::vector<PreparedWeight> plan_weights(const Graph& graph);

/// Pages of every state; those of f16 take half the bytes. Written by the steps of whoever runs.
struct States {
  Dtype dtype = Dtype::kF32;
  std::vector<Buffer> pages;         ///< by StateId
  std::vector<std::int64_t> counts;  ///< pages of each; 0: it was not made
};
/// Floats that a state takes in this shape class.
std::size_t state_floats(const Graph& graph, StateId id, const ShapeClass& sizes, Dtype dtype);
/// The format in which a program with these options keeps states.
inline Dtype state_dtype(const LoadOptions& options) { return options.precision == 16 ? Dtype::kF16 : Dtype::kF32; }

/// What a program and its executables share.
struct ProgramState {
  Graph graph;
  LoadOptions options;
  const Kernels* kernels = nullptr;
  Compute* compute = nullptr;
  std::shared_ptr<Pool> pool;  ///< used on the CPU's lane only
  std::vector<PreparedWeight> weights;
  std::shared_ptr<States> states;  ///< null before they are made

  const float* rows(WeightId id) const { return id ? weights[id.index()].rows.data() : nullptr; }
};

std::unique_ptr<Program> make_program(Graph graph, const LoadOptions& options, const Kernels& kernels, Compute& compute,
                                      std::shared_ptr<Pool> pool);

/// make_backend with one of all_kernels(), so that tests reach every SIMD level.
std::unique_ptr<Backend> make_backend_with(const Kernels& kernels, Compute& compute, int threads);

}  // namespace ipfs_accelerate::cpu
