// CaseMaker: builds one conformance case with seeded random weights and inputs.
#pragma once

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <format>
#include <random>

#include "conformance/conformance.h"
#include "graph/test_symbols.h"

namespace ipfs_accelerate {

/// Positions that a mask leaves attended.
enum class MaskPattern { kNone, kAllOnes, kRightPadded, kLeftPadded, kHoles, kOneRowEmpty };
inline constexpr MaskPattern kMaskPatterns[] = {MaskPattern::kNone,        MaskPattern::kAllOnes,
                                                MaskPattern::kRightPadded, MaskPattern::kLeftPadded,
                                                MaskPattern::kHoles,       MaskPattern::kOneRowEmpty};

class CaseMaker {
 public:
  CaseMaker(std::string op, std::string name, ShapeClass shape, Dtype weight_dtype = Dtype::kF32)
      : random_(seed_of(op + name)) {
    case_.op = std::move(op);
    case_.name = std::move(name);
    case_.shape = shape;
    case_.weight_dtype = weight_dtype;
  }

  GraphBuilder& builder() { return builder_; }

  /// Normal values of this deviation, as [batch, sequence, columns] or in any other dims.
  ValueId floats(const std::string& name, std::vector<Dim> dims, float deviation = 1.0f) {
    Tensor tensor = Tensor::f32(bound(dims));
    for (float& value : tensor.f32s()) value = normal(0.0f, deviation);
    case_.inputs.push_back(std::move(tensor));
    return builder_.input(name, Dtype::kF32, std::move(dims));
  }

  /// Floats that are whole numbers in [-limit, limit]: exact in f16, and often equal.
  ValueId whole_floats(const std::string& name, std::vector<Dim> dims, std::int32_t limit) {
    Tensor tensor = Tensor::f32(bound(dims));
    for (float& value : tensor.f32s()) {
      value =
          static_cast<float>(static_cast<std::int32_t>(random_() % static_cast<std::uint32_t>(2 * limit + 1)) - limit);
    }
    case_.inputs.push_back(std::move(tensor));
    return builder_.input(name, Dtype::kF32, std::move(dims));
  }

  /// Puts numbers into the input that was made last, by their places in it.
  void replace(const std::vector<std::pair<std::int64_t, float>>& numbers) {
    for (const auto& [at, number] : numbers) case_.inputs.back().f32s()[static_cast<std::size_t>(at)] = number;
  }

  /// Whole numbers in [first, first + limit).
  ValueId ids(const std::string& name, std::vector<Dim> dims, std::int32_t limit, std::int32_t first = 0) {
    Tensor tensor = Tensor::i32(bound(dims));
    for (std::int32_t& value : tensor.i32s()) {
      value = first + static_cast<std::int32_t>(random_() % static_cast<std::uint32_t>(limit));
    }
    case_.inputs.push_back(std::move(tensor));
    return builder_.input(name, Dtype::kI32, std::move(dims));
  }

  /// kNoValue for MaskPattern::kNone.
  ValueId mask(MaskPattern pattern) {
    if (pattern == MaskPattern::kNone) return kNoValue;
    Tensor tensor = Tensor::i32({batch(), sequence()});
    for (std::int64_t b = 0; b < batch(); ++b) {
      for (std::int64_t s = 0; s < sequence(); ++s) {
        tensor.i32s()[static_cast<std::size_t>(b * sequence() + s)] = attended(pattern, b, s) ? 1 : 0;
      }
    }
    case_.inputs.push_back(std::move(tensor));
    return builder_.input("mask", Dtype::kI32, {kBatchDim, kSequenceDim});
  }

  /// parts > 1: the weight is a stack of that many tensors of equal height.
  WeightId weight(const std::string& name, Shape shape, float deviation, float mean = 0.0f, int parts = 1) {
    Tensor tensor = Tensor::f32(shape);
    for (float& value : tensor.f32s()) value = stored(normal(mean, deviation));
    case_.weights.push_back(std::move(tensor));
    std::vector<std::string> names;
    for (int i = 0; i < parts; ++i) names.push_back(std::format("{}.{}", name, i));
    return builder_.stack(std::move(names), std::move(shape));
  }

  CaseMaker& tolerance(double value) {
    case_.tolerance = value;
    return *this;
  }

  /// Makes `value` the only output.
  ConformanceCase finish(ValueId value) {
    builder_.output(value, "y");
    auto graph = builder_.finish();
    if (!graph) {
      std::fprintf(stderr, "%s %s: %s\n", case_.op.c_str(), case_.name.c_str(), graph.error().message.c_str());
      std::abort();  // the table itself is wrong
    }
    case_.graph = *std::move(graph);
    return std::move(case_);
  }

 private:
  // The standard library's own hash and distributions differ between libraries, and the page must judge the same cases.
  static std::uint32_t seed_of(std::string_view text) {
    std::uint32_t seed = 2166136261u;  // FNV-1a
    for (const char character : text) seed = (seed ^ static_cast<unsigned char>(character)) * 16777619u;
    return seed;
  }
  /// The sum of 12 uniform numbers, less 6: nearly normal.
  float normal(float mean, float deviation) {
    std::int64_t sum = 0;
    for (int i = 0; i < 12; ++i) sum += static_cast<std::int64_t>(random_() >> 8);
    return mean + deviation * static_cast<float>(static_cast<double>(sum) / (1 << 24) - 6);
  }
  // Row `batch - 1` is the odd one: empty, or shorter than the others.
  bool attended(MaskPattern pattern, std::int64_t b, std::int64_t s) {
    const std::int64_t kept = std::max<std::int64_t>(1, sequence() - 2 * b - 1);
    switch (pattern) {
      case MaskPattern::kRightPadded: return s < kept;
      case MaskPattern::kLeftPadded: return s >= sequence() - kept;
      case MaskPattern::kHoles: return s == b % sequence() || random_() % 3 != 0;
      case MaskPattern::kOneRowEmpty: return b + 1 != batch();
      default: return true;
    }
  }

  std::int64_t batch() const { return case_.shape.at(kBatch); }
  std::int64_t sequence() const { return case_.shape.at(kSequence); }
  Shape bound(const std::vector<Dim>& dims) const { return builder_.unfinished().bind(dims, case_.shape); }

  // The nearest value that the weight's dtype can hold.
  float stored(float value) const {
    if (case_.weight_dtype == Dtype::kF16) return f16_to_f32(f32_to_f16(value));
    if (case_.weight_dtype != Dtype::kBF16) return value;
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return bf16_to_f32(static_cast<std::uint16_t>(bits >> 16));
  }

  ConformanceCase case_;
  TestBuilder builder_;
  std::mt19937 random_;
};

}  // namespace ipfs_accelerate
