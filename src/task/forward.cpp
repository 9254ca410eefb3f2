// A decoder's forward pass over whole sequences.
#include "task/forward.h"

#include <algorithm>

namespace ipfs_accelerate {
namespace {

const Tensor* find(const std::vector<NamedTensor>& given, std::string_view name) {
  const auto found = std::ranges::find(given, name, &NamedTensor::first);
  return found == given.end() ? nullptr : &found->second;
}

struct Sequences {
  std::vector<Tokens> tokens;
  std::vector<std::size_t> places;  ///< of each, flattened
  Shape shape;
};

/// The tokens whose mask is 1. Tokens after padding would have other positions than they were given.
Result<Sequences> sequences_of(const std::vector<NamedTensor>& given) {
  const Tensor *ids = find(given, "input_ids"), *mask = find(given, "attention_mask");
  if (!ids || ids->dtype != Dtype::kI32 || ids->shape.size() != 2) {
    return fail(ErrorCode::kInvalidArgument, "input_ids, whole numbers [batch, sequence], are needed");
  }
  if (mask && (mask->dtype != Dtype::kI32 || mask->shape != ids->shape)) {
    return fail(ErrorCode::kInvalidArgument, "attention_mask is not like input_ids");
  }
  Sequences all{{}, {}, ids->shape};
  const auto width = static_cast<std::size_t>(ids->shape[1]);
  for (std::size_t at = 0; at < ids->i32s().size(); ++at) {
    if (at % width == 0) all.tokens.emplace_back();
    if (mask && mask->i32s()[at] == 0) continue;
    all.tokens.back().push_back(ids->i32s()[at]);
    all.places.push_back(at);
  }
  return all;
}

/// Rows of the tokens that count, at their places.
Tensor spread(const Tensor& rows, const Sequences& sequences) {
  Shape shape = sequences.shape;
  shape.insert(shape.end(), rows.shape.begin() + 1, rows.shape.end());
  Tensor all = rows.dtype == Dtype::kI32 ? Tensor::i32(shape) : Tensor::f32(shape);
  const std::size_t each = rows.bytes.size() / std::max<std::size_t>(sequences.places.size(), 1);
  for (std::size_t i = 0; i < sequences.places.size(); ++i) {
    std::copy_n(rows.bytes.begin() + static_cast<std::ptrdiff_t>(i * each), each,
                all.bytes.begin() + static_cast<std::ptrdiff_t>(sequences.places[i] * each));
  }
  return all;
}

}  // namespace

Async<std::vector<NamedTensor>> forward(TaskRun& run, std::vector<NamedTensor> given, std::vector<std::string> wanted) {
  const Sequences sequences = co_await sequences_of(given);
  const auto decoder = co_await Decoder::open(run, sequences.tokens.size(), sequences.shape[1]);
  auto outputs = co_await decoder->feed_all(sequences.tokens, std::move(wanted));
  for (auto& [name, tensor] : outputs) {  // those per token have three dimensions
    if (tensor.shape.size() < 3) tensor = spread(tensor, sequences);
  }
  co_return outputs;
}

}  // namespace ipfs_accelerate
