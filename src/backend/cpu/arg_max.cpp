// arg_max on the CPU: pieces of rows on the pool, each in blocks that are looked through again only when they win.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/steps.h"

namespace ipfs_accelerate::cpu {
namespace {

struct Best {
  float value = -std::numeric_limits<float>::infinity();
  std::size_t at = 0;
};

/// Of columns [begin, end); its value is NaN when one of them is.
Best best_of(const float* x, std::size_t begin, std::size_t end, const Kernels& kernels) {
  constexpr std::size_t kBlock = 1024;
  Best best{.at = begin};
  std::size_t winner = end;
  for (std::size_t i = begin; i < end; i += kBlock) {
    const float highest = kernels.highest(x + i, std::min(kBlock, end - i));
    if (std::isnan(highest)) return {highest, i};
    if (!(highest > best.value)) continue;
    best.value = highest;
    winner = i;
  }
  const float* last = x + std::min(winner + kBlock, end);
  const float* found = std::find(x + winner, last, best.value);
  if (found != last) best.at = static_cast<std::size_t>(found - x);
  return best;
}

/// Of a row's pieces, which are in the order of their columns: the first of equals.
std::int32_t best_of(std::span<const Best> pieces) {
  Best best;
  for (const Best& piece : pieces) {
    if (std::isnan(piece.value)) return -1;
    if (piece.value > best.value) best = piece;
  }
  return std::isfinite(best.value) ? static_cast<std::int32_t>(best.at) : -1;
}

}  // namespace

Result<> run(const op::ArgMax& op, ValueId output, RunState& run) {
  constexpr std::size_t kLeastColumns = 16384;  // of a piece: fewer are done before another thread wakes up
  const std::size_t rows = run.rows_of(op.x), columns = run.width_of(op.x);
  const std::size_t wanted = divide_up(threads_of(run) * kTasksPerThread, std::max<std::size_t>(rows, 1));
  const std::size_t pieces = std::clamp<std::size_t>(columns / kLeastColumns, 1, wanted);
  std::vector<Best> bests(rows * pieces);
  run_pieces(run, bests.size(), std::max<std::size_t>(kLeastColumns * pieces / columns, 1),
             [&](std::size_t begin, std::size_t end) {
               for (std::size_t i = begin; i < end; ++i) {
                 const std::size_t piece = i % pieces;
                 bests[i] = best_of(run.floats(op.x) + i / pieces * columns, columns * piece / pieces,
                                    columns * (piece + 1) / pieces, *run.program.kernels);
               }
             });
  auto* y = reinterpret_cast<std::int32_t*>(run.places[output.index()]);
  for (std::size_t row = 0; row < rows; ++row) {
    y[row] = best_of(std::span(bests).subspan(row * pieces, pieces));
  }
  return {};
}

}  // namespace ipfs_accelerate::cpu
