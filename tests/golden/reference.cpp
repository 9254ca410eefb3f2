// Plain loops for every op; see reference.h.
#include "golden/reference.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numbers>
#include <span>

namespace ipfs_accelerate {
namespace {

using Doubles = std::vector<double>;
using Ints = std::span<const std::int32_t>;

/// Values and weights of one run.
struct Machine {
  const Graph& graph;
  ShapeClass shape;
  const std::vector<Tensor>& weights;
  std::vector<Doubles> floats;                 ///< by ValueId
  std::vector<Ints> ints;                      ///< by ValueId
  std::deque<std::vector<std::int32_t>> made;  ///< ints that nodes computed
  ReferenceStates& states;

  const Doubles& x(ValueId id) const { return floats[id.index()]; }
  Ints i(ValueId id) const { return ints[id.index()]; }
  std::span<const float> w(WeightId id) const { return weights[id.index()].f32s(); }
  std::size_t columns(ValueId id) const { return static_cast<std::size_t>(graph.value(id).dims.back().size); }
  std::size_t size(ValueId id, std::size_t axis) const {
    return static_cast<std::size_t>(graph.shape_of(id, shape)[axis]);
  }
};

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kGelu: return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    case Activation::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::kRelu: return std::max(x, 0.0);
    case Activation::kTanh: return std::tanh(x);
    case Activation::kSilu: return x / (1 + std::exp(-x));
  }
  return x;
}

/// Normalizes one row in place; beta may be empty.
void layer_norm_row(std::span<double> row, std::span<const float> gamma, std::span<const float> beta, double epsilon) {
  double mean = 0, variance = 0;
  for (double v : row) mean += v / static_cast<double>(row.size());
  for (double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
  for (std::size_t c = 0; c < row.size(); ++c) {
    row[c] = (row[c] - mean) / std::sqrt(variance + epsilon) * gamma[c] + (beta.empty() ? 0.0 : beta[c]);
  }
}

/// Adds table rows chosen by ids to y; kInvalidArgument for an id outside the table.
Result<> add_rows(Doubles& y, std::size_t columns, Ints ids, const Machine& m, WeightId table) {
  const std::span<const float> rows = m.w(table);
  for (std::size_t r = 0; r < ids.size(); ++r) {
    if (ids[r] < 0 || static_cast<std::size_t>(ids[r]) >= rows.size() / columns) {
      return fail(ErrorCode::kInvalidArgument, "id {} is outside table '{}'", ids[r], m.graph.weight(table).name);
    }
    const std::span<const float> row = rows.subspan(static_cast<std::size_t>(ids[r]) * columns, columns);
    for (std::size_t c = 0; c < columns; ++c) y[r * columns + c] += row[c];
  }
  return {};
}

Result<> compute(const Machine& m, const op::Embed& op, Doubles& y) {
  const auto columns = static_cast<std::size_t>(m.graph.weight(op.word).shape[1]);
  IA_TRY(add_rows(y, columns, m.i(op.ids), m, op.word));
  if (op.position) IA_TRY(add_rows(y, columns, m.i(op.position_ids), m, op.position));
  const std::vector<std::int32_t> all_first(m.i(op.ids).size());
  if (op.type) IA_TRY(add_rows(y, columns, op.type_ids ? m.i(op.type_ids) : Ints(all_first), m, op.type));
  if (!op.gamma) return {};
  const auto beta = !op.beta ? std::span<const float>{} : m.w(op.beta);
  for (std::size_t at = 0; at < y.size(); at += columns) {
    layer_norm_row(std::span(y).subspan(at, columns), m.w(op.gamma), beta, op.epsilon);
  }
  return {};
}

Result<> compute(const Machine& m, const op::Linear& op, Doubles& y) {
  const Shape& shape = m.graph.weight(op.weight).shape;
  const auto n = static_cast<std::size_t>(shape[0]), k = static_cast<std::size_t>(shape[1]);
  const Doubles& x = m.x(op.x);
  const std::span<const float> weight = m.w(op.weight);
  for (std::size_t at = 0; at < y.size(); ++at) {
    const std::size_t row = at / n, column = at % n;
    double sum = !op.bias ? 0.0 : m.w(op.bias)[column];
    for (std::size_t i = 0; i < k; ++i) sum += x[row * k + i] * weight[column * k + i];
    y[at] = activate(op.activation, sum) + (!op.residual ? 0.0 : m.x(op.residual)[at]);
  }
  return {};
}

Result<> compute(const Machine& m, const op::LayerNorm& op, Doubles& y) {
  const std::size_t columns = m.columns(op.x);
  const auto beta = !op.beta ? std::span<const float>{} : m.w(op.beta);
  for (std::size_t at = 0; at < y.size(); ++at) {
    y[at] = m.x(op.x)[at] + (!op.residual ? 0.0 : m.x(op.residual)[at]);
  }
  for (std::size_t at = 0; at < y.size(); at += columns) {
    layer_norm_row(std::span(y).subspan(at, columns), m.w(op.gamma), beta, op.epsilon);
  }
  return {};
}

/// Weights of the scores of what a query sees: softmax over those attended, alike over all when none is.
void softmax(std::span<double> scores, const std::vector<bool>& attended) {
  double highest = -INFINITY, sum = 0;
  for (std::size_t j = 0; j < scores.size(); ++j) {
    if (attended[j]) highest = std::max(highest, scores[j]);
  }
  for (std::size_t j = 0; j < scores.size(); ++j) {
    scores[j] = std::isinf(highest) ? 1.0 : attended[j] ? std::exp(scores[j] - highest) : 0.0;
    sum += scores[j];
  }
  for (double& score : scores) score /= sum;
}

/// Numbers of one head of one row of some columns.
std::span<const double> head_of(const Machine& m, const Columns& columns, std::size_t row, std::size_t head,
                                std::int32_t head_dim) {
  const auto d = static_cast<std::size_t>(head_dim);
  const std::size_t at = row * m.columns(columns.value) + static_cast<std::size_t>(columns.first) + head * d;
  return std::span(m.x(columns.value)).subspan(at, d);
}

double score_of(const op::Attention& op, std::span<const double> q, std::span<const double> k) {
  double score = 0;
  for (std::size_t c = 0; c < q.size(); ++c) score += q[c] * k[c];
  score *= op.scale;
  return op.soft_cap == 0 ? score : op.soft_cap * std::tanh(score / op.soft_cap);
}

/// Where sequence b has its row number `row`.
std::size_t paged_row(const Machine& m, const Paging& paging, std::size_t b, std::size_t row) {
  const auto page_rows = static_cast<std::size_t>(kPageRows);
  const std::size_t width = m.size(paging.table, 1);
  const std::int32_t page = m.i(paging.table)[b * width + row / page_rows];
  return static_cast<std::size_t>(page) * page_rows + row % page_rows;
}

/// One head of one query token i of sequence b, over the keys of its pages.
void attend_pages(const Machine& m, const op::Attention& op, std::size_t b, std::size_t h, std::size_t i, Doubles& y) {
  const std::size_t queries = m.size(op.q.value, 1), shared = h / static_cast<std::size_t>(op.heads / op.kv_heads);
  const auto before = static_cast<std::size_t>(m.i(op.paging.lengths)[b]);
  const std::size_t added = op.paging.counts ? static_cast<std::size_t>(m.i(op.paging.counts)[b]) : 0;
  if (op.paging.counts && i >= added) return;  // padding
  const std::size_t end = op.causal ? before + i + 1 : before + added;
  const std::size_t first = op.window > 0 && end > static_cast<std::size_t>(op.window) ? end - op.window : 0;
  Doubles scores;
  for (std::size_t j = first; j < end; ++j) {
    scores.push_back(score_of(op, head_of(m, op.q, b * queries + i, h, op.head_dim),
                              head_of(m, op.k, paged_row(m, op.paging, b, j), shared, op.head_dim)));
    if (!op.distance_bias) continue;
    const std::size_t distances = m.size(op.distance_bias, 1);
    scores.back() += m.x(op.distance_bias)[h * distances + std::min(before + i - j, distances - 1)];
  }
  softmax(scores, std::vector<bool>(scores.size(), true));
  const auto d = static_cast<std::size_t>(op.head_dim);
  const std::span<double> out =
      std::span(y).subspan((b * queries + i) * static_cast<std::size_t>(op.heads) * d + h * d, d);
  for (std::size_t j = 0; j < scores.size(); ++j) {
    const auto v = head_of(m, op.v, paged_row(m, op.paging, b, first + j), shared, op.head_dim);
    for (std::size_t c = 0; c < d; ++c) out[c] += scores[j] * v[c];
  }
}

Result<> compute(const Machine& m, const op::Append& op, Doubles& y) {
  y = m.x(op.state);
  const std::size_t rows = m.size(op.x.value, 1), columns = m.columns(op.state), width = m.columns(op.x.value);
  for (std::size_t b = 0; b < m.size(op.x.value, 0); ++b) {
    const auto before = static_cast<std::size_t>(m.i(op.paging.lengths)[b]);
    for (std::size_t i = 0; i < static_cast<std::size_t>(m.i(op.paging.counts)[b]); ++i) {
      const auto from = m.x(op.x.value).begin() + static_cast<std::ptrdiff_t>((b * rows + i) * width) + op.x.first;
      std::copy_n(from, columns,
                  y.begin() + static_cast<std::ptrdiff_t>(paged_row(m, op.paging, b, before + i) * columns));
    }
  }
  return {};
}

Result<> compute(const Machine& m, const op::CopyPages& op, Doubles& y) {
  y = m.x(op.state);
  const std::size_t page = static_cast<std::size_t>(kPageRows) * m.columns(op.state);
  for (std::size_t i = 0; i < m.i(op.from).size(); ++i) {
    const auto from = m.x(op.state).begin() + static_cast<std::ptrdiff_t>(page * std::size_t(m.i(op.from)[i]));
    std::copy_n(from, page, y.begin() + static_cast<std::ptrdiff_t>(page * std::size_t(m.i(op.to)[i])));
  }
  return {};
}

/// One head of one query token i of sequence b.
void attend(const Machine& m, const op::Attention& op, std::size_t b, std::size_t h, std::size_t i, Doubles& y) {
  const std::size_t queries = m.size(op.q.value, 1), keys = m.size(op.k.value, 1);
  const std::size_t shared = h / static_cast<std::size_t>(op.heads / op.kv_heads);
  const Sight sight =
      sight_of(op, static_cast<std::int64_t>(i), static_cast<std::int64_t>(queries), static_cast<std::int64_t>(keys));
  Doubles scores;
  std::vector<bool> attended;
  for (auto j = static_cast<std::size_t>(sight.first); j < static_cast<std::size_t>(sight.end); ++j) {
    attended.push_back(!op.mask || m.i(op.mask)[b * keys + j] != 0);
    scores.push_back(score_of(op, head_of(m, op.q, b * queries + i, h, op.head_dim),
                              head_of(m, op.k, b * keys + j, shared, op.head_dim)));
    if (op.bias) scores.back() += m.x(op.bias)[(h * queries + i) * keys + j];
  }
  softmax(scores, attended);
  const auto d = static_cast<std::size_t>(op.head_dim);
  const std::span<double> out =
      std::span(y).subspan((b * queries + i) * static_cast<std::size_t>(op.heads) * d + h * d, d);
  for (std::size_t j = 0; j < scores.size(); ++j) {
    const auto v = head_of(m, op.v, b * keys + static_cast<std::size_t>(sight.first) + j, shared, op.head_dim);
    for (std::size_t c = 0; c < d; ++c) out[c] += scores[j] * v[c];
  }
}

Result<> compute(const Machine& m, const op::Attention& op, Doubles& y) {
  for (std::size_t b = 0; b < m.size(op.q.value, 0); ++b) {
    for (std::size_t h = 0; h < static_cast<std::size_t>(op.heads); ++h) {
      for (std::size_t i = 0; i < m.size(op.q.value, 1); ++i) {
        (op.paging.table ? attend_pages : attend)(m, op, b, h, i, y);
      }
    }
  }
  return {};
}

Result<> compute(const Machine& m, const op::RelativeBias& op, Doubles& y) {
  const std::size_t s = static_cast<std::size_t>(m.graph.bind(op.length, m.shape));
  const std::size_t heads = static_cast<std::size_t>(m.graph.weight(op.table).shape[1]);
  for (std::size_t at = 0; at < y.size(); ++at) {
    const std::size_t h = at / (s * s), i = at / s % s, j = at % s;
    const std::int32_t bucket = relative_bucket(static_cast<std::int64_t>(j) - static_cast<std::int64_t>(i), op);
    y[at] = m.w(op.table)[static_cast<std::size_t>(bucket) * heads + h];
  }
  return {};
}

/// How much each token of one sequence counts; kMax is handled by the caller.
Doubles pool_weights(PoolMode mode, const std::vector<bool>& attended) {
  Doubles weights(attended.size(), 0.0);
  double count = 0;
  std::size_t last = 0;
  for (std::size_t t = 0; t < attended.size(); ++t) {
    if (!attended[t]) continue;
    last = t;
    weights[t] = mode == PoolMode::kWeightedMean ? static_cast<double>(t + 1) : 1.0;
    count += weights[t];
  }
  if (mode == PoolMode::kCls || mode == PoolMode::kLastToken) {
    weights.assign(attended.size(), 0.0);
    weights[mode == PoolMode::kCls ? 0 : last] = 1.0;
    return weights;
  }
  const double divisor = std::max(mode == PoolMode::kMeanSqrtLength ? std::sqrt(count) : count, 1e-9);
  for (double& weight : weights) weight /= divisor;
  return weights;
}

Result<> compute(const Machine& m, const op::Pool& op, Doubles& y) {
  const std::size_t s = m.size(op.x, 1), hidden = m.columns(op.x);
  for (std::size_t b = 0; b < m.size(op.x, 0); ++b) {
    std::vector<bool> attended(s, true);
    for (std::size_t t = 0; t < s && op.mask; ++t) attended[t] = m.i(op.mask)[b * s + t] != 0;
    const Doubles weights = pool_weights(op.mode, attended);
    for (std::size_t c = 0; c < hidden; ++c) {
      double sum = 0, highest = -1e9;
      for (std::size_t t = 0; t < s; ++t) {
        const double v = m.x(op.x)[(b * s + t) * hidden + c];
        sum += weights[t] * v;
        if (attended[t]) highest = std::max(highest, v);
      }
      y[b * hidden + c] = op.mode == PoolMode::kMax ? highest : sum;
    }
  }
  return {};
}

Result<> compute(const Machine& m, const op::Normalize& op, Doubles& y) {
  const std::size_t columns = m.columns(op.x);
  for (std::size_t at = 0; at < y.size(); at += columns) {
    double sum = 0;
    for (std::size_t c = 0; c < columns; ++c) sum += m.x(op.x)[at + c] * m.x(op.x)[at + c];
    const double length = std::max(std::sqrt(sum), static_cast<double>(op.epsilon));
    for (std::size_t c = 0; c < columns; ++c) y[at + c] = m.x(op.x)[at + c] / length;
  }
  return {};
}

Result<> compute(const Machine& m, const op::SelectRows& op, Doubles& y) {
  const std::size_t columns = m.columns(op.x);
  const Ints rows = m.i(op.rows);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (rows[r] < 0 || static_cast<std::size_t>(rows[r]) >= m.x(op.x).size() / columns) {
      return fail(ErrorCode::kInvalidArgument, "row {} does not exist", rows[r]);
    }
    const auto first = m.x(op.x).begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(rows[r]) * columns);
    std::copy_n(first, columns, y.begin() + static_cast<std::ptrdiff_t>(r * columns));
  }
  return {};
}

Result<> compute(const Machine& m, const op::Scale& op, Doubles& y) {
  std::ranges::transform(m.x(op.x), y.begin(), [&](double v) { return v * op.factor; });
  return {};
}

Result<> compute(const Machine& m, const op::SoftCap& op, Doubles& y) {
  std::ranges::transform(m.x(op.x), y.begin(), [&](double v) { return op.cap * std::tanh(v / op.cap); });
  return {};
}

Result<> compute(const Machine& m, const op::RmsNorm& op, Doubles& y) {
  const std::size_t columns = m.columns(op.x);
  for (std::size_t at = 0; at < y.size(); at += columns) {
    double mean = 0;
    for (std::size_t c = 0; c < columns; ++c) mean += m.x(op.x)[at + c] * m.x(op.x)[at + c];
    const double length = std::sqrt(mean / static_cast<double>(columns) + op.epsilon);
    for (std::size_t c = 0; c < columns; ++c) y[at + c] = m.x(op.x)[at + c] / length * m.w(op.gamma)[c];
  }
  return {};
}

Result<> compute(const Machine& m, const op::Gate& op, Doubles& y) {
  const std::size_t columns = m.columns(op.x) / 2;
  for (std::size_t at = 0; at < y.size(); ++at) {
    const std::size_t left = at / columns * 2 * columns + at % columns;
    y[at] = activate(op.activation, m.x(op.x)[left]) * m.x(op.x)[left + columns];
  }
  return {};
}

Result<> compute(const Machine& m, const op::ArgMax& op, Doubles& y) {
  const std::size_t columns = m.columns(op.x);
  for (std::size_t r = 0; r < y.size(); ++r) {
    const auto row = std::span(m.x(op.x)).subspan(r * columns, columns);
    const auto most = std::ranges::max_element(row);  // the first of equals
    const bool nan = std::ranges::any_of(row, [](double value) { return std::isnan(value); });
    y[r] = nan || !std::isfinite(*most) ? -1 : static_cast<double>(most - row.begin());
  }
  return {};
}

Result<> compute(const Machine& m, const op::DistanceBias& op, Doubles& y) {
  const Shape& table = m.graph.weight(op.table).shape;
  const auto heads = static_cast<std::size_t>(table[1]), distances = static_cast<std::size_t>(op.distances);
  const op::RelativeBias back{
      .buckets = static_cast<std::int32_t>(table[0]), .max_distance = op.max_distance, .bidirectional = false};
  for (std::size_t at = 0; at < y.size(); ++at) {
    const std::int32_t bucket = relative_bucket(-static_cast<std::int64_t>(at % distances), back);
    y[at] = m.w(op.table)[static_cast<std::size_t>(bucket) * heads + at / distances];
  }
  return {};
}

Result<> compute(const Machine& m, const op::Patches& op, Doubles& y) {
  const std::size_t channels = m.size(op.pixels, 1), height = m.size(op.pixels, 2), width = m.size(op.pixels, 3);
  const auto size = static_cast<std::size_t>(op.size), across = width / size, count = height / size * across;
  for (std::size_t at = 0; at < y.size(); ++at) {
    const std::size_t kernel = at % (channels * size * size), row = at / (channels * size * size);
    const std::size_t channel = kernel / (size * size), line = row % count / across * size + kernel / size % size;
    const std::size_t column = row % count % across * size + kernel % size;
    y[at] = m.x(op.pixels)[((row / count * channels + channel) * height + line) * width + column];
  }
  return {};
}

/// One number of the table's grid at fractional places, by the definition of bicubic convolution.
double cubic_value(std::span<const float> grid, std::int64_t side, std::size_t hidden, double row, double column) {
  const auto weight = [](double x) {
    constexpr double a = -0.75;
    x = std::abs(x);
    return x <= 1 ? (a + 2) * x * x * x - (a + 3) * x * x + 1 : x < 2 ? a * (x * x * x - 5 * x * x + 8 * x - 4) : 0.0;
  };
  double sum = 0;
  for (double i = std::floor(row) - 1; i <= std::floor(row) + 2; ++i) {
    for (double j = std::floor(column) - 1; j <= std::floor(column) + 2; ++j) {
      const std::int64_t r = std::clamp(static_cast<std::int64_t>(i), std::int64_t{0}, side - 1);
      const std::int64_t c = std::clamp(static_cast<std::int64_t>(j), std::int64_t{0}, side - 1);
      sum += weight(row - i) * weight(column - j) * grid[static_cast<std::size_t>(r * side + c) * hidden];
    }
  }
  return sum;
}

Result<> compute(const Machine& m, const op::VisionEmbed& op, Doubles& y) {
  const std::size_t hidden = m.columns(op.x), patches = m.size(op.x, 1);
  const std::size_t prefix = op.prefix ? static_cast<std::size_t>(m.graph.weight(op.prefix).shape[0]) : 0;
  const auto rows = static_cast<double>(m.graph.bind(op.rows, m.shape)),
             columns = static_cast<double>(m.graph.bind(op.columns, m.shape));
  const auto side =
      static_cast<std::int64_t>(std::sqrt(static_cast<double>(m.w(op.position).size() / hidden - prefix)) + 0.5);
  for (std::size_t at = 0; at < y.size(); ++at) {
    const std::size_t c = at % hidden, token = at / hidden % (patches + prefix), b = at / hidden / (patches + prefix);
    if (token < prefix) {
      y[at] = double{m.w(op.prefix)[token * hidden + c]} + m.w(op.position)[token * hidden + c];
      continue;
    }
    const std::size_t patch = token - prefix;
    const double row = std::floor(static_cast<double>(patch) / columns),
                 column = static_cast<double>(patch) - row * columns;
    const double scale_down = static_cast<double>(side) / rows, scale_across = static_cast<double>(side) / columns;
    y[at] = m.x(op.x)[(b * patches + patch) * hidden + c] + cubic_value(m.w(op.position).subspan(prefix * hidden + c),
                                                                        side, hidden, (row + 0.5) * scale_down - 0.5,
                                                                        (column + 0.5) * scale_across - 0.5);
  }
  return {};
}

Result<> compute(const Machine& m, const op::Rope& op, Doubles& y) {
  const std::size_t columns = m.columns(op.x), half = op.frequencies.size();
  y = m.x(op.x);
  for (std::size_t row = 0; row < y.size() / columns; ++row) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(op.heads) * half; ++at) {
      const std::size_t first = row * columns + at / half * static_cast<std::size_t>(op.head_dim) + at % half;
      const double angle = m.i(op.positions)[row] * static_cast<double>(op.frequencies[at % half]);
      const double x1 = m.x(op.x)[first], x2 = m.x(op.x)[first + half];
      y[first] = (x1 * std::cos(angle) - x2 * std::sin(angle)) * op.factor;
      y[first + half] = (x2 * std::cos(angle) + x1 * std::sin(angle)) * op.factor;
    }
  }
  return {};
}

Result<> check_tensor(const Tensor& tensor, Dtype dtype, const Shape& shape, const std::string& name) {
  IA_ASSIGN(const std::int64_t count, element_count(shape));
  if (tensor.dtype == dtype && tensor.shape == shape && tensor.bytes.size() == static_cast<std::size_t>(count) * 4) {
    return {};
  }
  return fail(ErrorCode::kWrongShape, "tensor '{}' is {} {}, {} {} is needed", name, dtype_name(tensor.dtype),
              shape_text(tensor.shape), dtype_name(dtype), shape_text(shape));
}

Result<> take_inputs(Machine& m, const std::vector<Tensor>& inputs) {
  if (inputs.size() != m.graph.inputs.size()) {
    return fail(ErrorCode::kInvalidArgument, "{} inputs for {}", inputs.size(), m.graph.inputs.size());
  }
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const ValueId id = m.graph.inputs[k];
    const Value& value = m.graph.value(id);
    IA_TRY(check_tensor(inputs[k], value.dtype, m.graph.shape_of(id, m.shape), value.name));
    if (value.dtype == Dtype::kI32) {
      m.ints[id.index()] = inputs[k].i32s();
    } else {
      m.floats[id.index()].assign(inputs[k].f32s().begin(), inputs[k].f32s().end());
    }
  }
  return {};
}

Tensor output_of(const Machine& m, ValueId id) {
  Shape shape = m.graph.shape_of(id, m.shape);
  if (m.graph.value(id).dtype == Dtype::kI32) {
    Tensor tensor = Tensor::i32(std::move(shape));
    std::ranges::copy(m.i(id), tensor.i32s().begin());
    return tensor;
  }
  Tensor tensor = Tensor::f32(std::move(shape));
  std::ranges::transform(m.x(id), tensor.f32s().begin(), [](double v) { return static_cast<float>(v); });
  return tensor;
}

}  // namespace

Result<std::vector<Tensor>> run_reference(const Graph& graph, const ShapeClass& shape,
                                          const std::vector<Tensor>& weights, const std::vector<Tensor>& inputs,
                                          ReferenceStates* states) {
  ReferenceStates own;
  Machine m{graph,
            shape,
            weights,
            std::vector<Doubles>(graph.values.size()),
            std::vector<Ints>(graph.values.size()),
            {},
            states ? *states : own};
  for (const StateId id : used_states(graph)) {
    const ValueId first = graph.states[id.index()].first;
    Doubles& state = m.states[id];
    IA_ASSIGN(const std::int64_t count, element_count(graph.shape_of(first, shape)));
    state.resize(static_cast<std::size_t>(count));
    m.floats[first.index()] = state;
  }
  for (WeightId id : used_weights(graph)) {
    if (id.index() >= weights.size()) return fail(ErrorCode::kMissingWeight, "no weight {}", id.number);
    const Weight& weight = graph.weight(id);
    IA_TRY(check_tensor(weights[id.index()], Dtype::kF32, weight.shape, weight.name));
  }
  IA_TRY(take_inputs(m, inputs));
  for (const Node& node : graph.nodes) {
    IA_ASSIGN(const std::int64_t count, element_count(graph.shape_of(node.output, shape)));
    Doubles y(static_cast<std::size_t>(count), 0.0);
    IA_TRY(std::visit([&](const auto& op) { return compute(m, op, y); }, node.op));
    if (const StateId state = graph.value(node.output).state) m.states[state] = y;
    if (graph.value(node.output).dtype == Dtype::kI32)
      m.ints[node.output.index()] = m.made.emplace_back(y.begin(), y.end());
    m.floats[node.output.index()] = std::move(y);
  }
  std::vector<Tensor> outputs;
  for (ValueId id : graph.outputs) {
    outputs.push_back(output_of(m, id));
  }
  return outputs;
}

}  // namespace ipfs_accelerate
