// A forward pass over whole sequences: of a decoder, and of an encoder and its decoder.
#include "task/forward.h"

#include <algorithm>

#include "task/sources.h"

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
Result<Sequences> sequences_of(const std::vector<NamedTensor>& given, std::string_view prefix = "") {
  const auto named = [&](std::string_view name) { return find(given, std::string(prefix).append(name)); };
  const Tensor *ids = named("input_ids"), *mask = named("attention_mask");
  if (!ids || ids->dtype != Dtype::kI32 || ids->shape.size() != 2) {
    return fail(ErrorCode::kInvalidArgument, "{}input_ids, whole numbers [batch, sequence], are needed", prefix);
  }
  if (mask && (mask->dtype != Dtype::kI32 || mask->shape != ids->shape)) {
    return fail(ErrorCode::kInvalidArgument, "{0}attention_mask is not like {0}input_ids", prefix);
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

Async<std::vector<NamedTensor>> feed(Decoder& decoder, const Sequences& sequences, std::vector<std::string> wanted) {
  auto outputs = co_await decoder.feed_all(sequences.tokens, std::move(wanted));
  for (auto& [name, tensor] : outputs) {  // those per token have three dimensions
    if (tensor.shape.size() < 3) tensor = spread(tensor, sequences);
  }
  co_return outputs;
}

/// What the encoder reads.
Result<Batch> sources_of(const std::vector<NamedTensor>& given) {
  IA_ASSIGN(const Sequences sequences, sequences_of(given));
  Batch sources{{{kBatch, sequences.shape[0]}, {kSequence, sequences.shape[1]}}};
  Tensor mask = Tensor::i32(sequences.shape);
  for (const std::size_t place : sequences.places) mask.i32s()[place] = 1;
  sources.add("input_ids", *find(given, "input_ids"));
  sources.add("attention_mask", std::move(mask));
  return sources;
}

}  // namespace

Async<std::vector<NamedTensor>> forward(TaskRun& run, std::vector<NamedTensor> given, std::vector<std::string> wanted) {
  const Sequences sequences = co_await sequences_of(given);
  const auto decoder = co_await Decoder::open(run, sequences.tokens.size(), sequences.shape[1]);
  co_return co_await feed(*decoder, sequences, std::move(wanted));
}

Async<std::vector<NamedTensor>> forward_both(TaskRun& run, std::vector<NamedTensor> given,
                                             std::vector<std::string> of_encoder, std::vector<std::string> of_decoder) {
  Batch sources = co_await sources_of(given);
  const Sequences sequences = co_await sequences_of(given, "decoder_");
  if (sequences.shape[0] != sources.shape.at(kBatch)) {
    co_await fail(ErrorCode::kInvalidArgument, "decoder_input_ids has {} sequences, input_ids has {}",
                  sequences.shape[0], sources.shape.at(kBatch));
  }
  EncodedSources encoded = co_await encode_sources(run, std::move(sources), sequences.shape[1], std::move(of_encoder));
  std::vector<NamedTensor> outputs = std::move(encoded.outputs);
  outputs.append_range(co_await feed(*encoded.decoder, sequences, std::move(of_decoder)));
  co_return outputs;
}

}  // namespace ipfs_accelerate
