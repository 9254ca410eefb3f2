// Decoding, preparing and grouping; see picture_batch.h.
#include "task/picture_batch.h"

#include <algorithm>

#include "graph/symbol.h"

namespace ipfs_accelerate {
namespace {

/// The pixels of an item; a file is decoded.
Async<Image> image_of(TaskRun& run, Content item) {
  if (auto* const picture = std::get_if<Picture>(&item)) co_return co_await run.decode(std::move(*picture));
  auto* const pixels = std::get_if<Pixels>(&item);
  if (!pixels) co_await fail(ErrorCode::kInternal, "it is no picture");
  Image image{pixels->width, pixels->height, std::move(pixels->rgb)};
  co_await check_image(image);
  co_return std::move(image);
}

/// One item as the model takes it. The decoded picture goes before the next one comes.
Async<Tensor> prepared_picture(TaskRun& run, const ImageProcessor* processor, Content item) {
  const Image image = co_await image_of(run, std::move(item));
  co_return co_await offloaded(run, [&] { return processor->prepare(image); });
}

Result<> check_picture(const ModelFacts& facts, const Tensor& picture, std::size_t item) {
  if (picture.shape.size() != 3 || picture.dtype != Dtype::kF32) {
    return fail(ErrorCode::kInternal, "picture {} became {}", item, shape_text(picture.shape));
  }
  if (picture.shape[0] != facts.channels) {
    return fail(ErrorCode::kMalformedConfig, "pictures are prepared with {} channels, the model takes {}",
                picture.shape[0], facts.channels);
  }
  if (std::min(picture.shape[1], picture.shape[2]) >= facts.patch_size) return {};
  return fail(ErrorCode::kMalformedConfig, "input {} is prepared as {} x {} pixels, the model takes at least {} x {}",
              item, picture.shape[2], picture.shape[1], facts.patch_size, facts.patch_size);
}

Result<Batch> batch_of(const std::vector<Tensor>& prepared, const std::vector<std::size_t>& items) {
  const Shape& one = prepared[items.front()].shape;
  const Shape all{static_cast<std::int64_t>(items.size()), one[0], one[1], one[2]};
  IA_TRY(element_count(all));
  Tensor pixels = Tensor::f32(all);
  auto to = pixels.bytes.begin();
  for (const std::size_t item : items) to = std::ranges::copy(prepared[item].bytes, to).out;
  Batch batch;
  batch.shape = {{kBatch, all[0]}, {kHeight, all[2]}, {kWidth, all[3]}};
  batch.add("pixel_values", std::move(pixels));
  return batch;
}

}  // namespace

Result<std::vector<PictureBatch>> batched_pictures(std::vector<Tensor> prepared) {
  std::vector<PictureBatch> batches;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    const auto same = [&](const PictureBatch& batch) {
      return prepared[batch.items.front()].shape == prepared[i].shape;
    };
    auto batch = std::ranges::find_if(batches, same);
    if (batch == batches.end()) batch = batches.insert(batches.end(), PictureBatch());
    batch->items.push_back(i);
  }
  for (PictureBatch& batch : batches) {
    IA_ASSIGN(batch.tensors, batch_of(prepared, batch.items));
  }
  return batches;
}

Async<std::vector<PictureBatch>> picture_batches(TaskRun& run, std::vector<Content> items) {
  if (run.facts().channels == 0) {
    co_await fail(ErrorCode::kUnknownTask, "models of type '{}' take no pictures", run.facts().architecture);
  }
  const ImageProcessor* const processor = co_await run.image_processor();
  std::vector<Tensor> prepared;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    co_await run.options().stop.check();
    const std::size_t number = run.options().number_of(i);
    prepared.push_back(
        co_await doing(std::format("reading input {}", number), prepared_picture(run, processor, std::move(items[i]))));
    co_await check_picture(run.facts(), prepared.back(), number);
    bytes += 2 * prepared.back().bytes.size();
    if (bytes <= kMaxPreparedBytes) continue;
    co_await fail(ErrorCode::kLimitExceeded,
                  "{} of {} pictures take {} bytes as the model takes them, at most {} may "
                  "be computed together; use a smaller batch_size",
                  i + 1, items.size(), bytes, kMaxPreparedBytes);
  }
  co_return co_await offloaded(run, [&] { return batched_pictures(std::move(prepared)); });
}

}  // namespace ipfs_accelerate
