#include "engine/pipeline_run.h"

#include <algorithm>

#include "engine/batching.h"
#include "input/image/picture.h"

namespace ipfs_accelerate {
namespace {

/// Remembers the first shape, and leaves the task there.
class ShapeRun final : public PipelineRun {
 public:
  using PipelineRun::PipelineRun;
  std::optional<ShapeClass> shape;

  Async<std::vector<NamedTensor>> compute(std::string part, Batch inputs, std::vector<std::string>) override {
    const auto found = std::ranges::find(pipeline().parts(), part, &Part::name);
    if (found == pipeline().parts().end()) co_await fail(ErrorCode::kInternal, "the model has no part '{}'", part);
    shape = (co_await fit_batch(found->graph, std::move(inputs))).shape;
    for (const auto& [name, number] : reserved().numbers()) shape->set(name, number);
    co_await fail(ErrorCode::kCancelled, "the shape is known");
    co_return {};
  }

  /// Black: of a picture only its size counts here.
  Async<Image> decode(Picture picture) override {
    const PictureHeader header = co_await read_picture_header(picture.file);
    const bool on_its_side = header.orientation >= 5;
    co_return co_await make_image(on_its_side ? header.height : header.width,
                                  on_its_side ? header.width : header.height);
  }
};

}  // namespace

Result<const Tokenizer*> PipelineRun::tokenizer() const {
  const Tokenizer* const tokenizer = pipeline_.tokenizer();
  if (!tokenizer) return fail(ErrorCode::kMissingTokenizer, "the model folder has no tokenizer.json");
  return tokenizer;
}

Result<const ImageProcessor*> PipelineRun::image_processor() const {
  const ImageProcessor* const processor = pipeline_.image_processor();
  if (processor) return processor;
  return fail(ErrorCode::kNotFound,
              "the model folder has no preprocessor_config.json, which says how pictures are "
              "prepared");
}

Async<> PipelineRun::offload(std::function<Result<>()> work) {
  co_await options_.stop.check();
  co_await work();
}

Async<std::vector<NamedTensor>> PipelineRun::compute(std::string part, Batch, std::vector<std::string>) {
  co_await fail(ErrorCode::kInternal, "the part '{}' is not loaded", part);
  co_return {};
}

Async<> PipelineRun::reserve_states(ShapeClass pages) {
  for (const auto& [name, number] : pages.numbers()) reserved_.set(name, number);
  co_await options_.stop.check();
}

Async<> PipelineRun::emit(TextEvent) { co_await options_.stop.check(); }

Async<ShapeClass> asked_shape(const Pipeline& pipeline, std::vector<Content> items, TaskOptions options) {
  co_await check_takes(pipeline.task(), items);
  ShapeRun run(pipeline, std::move(options));
  const auto ended = co_await as_result(pipeline.task().answer(run, std::move(items)));
  if (run.shape) co_return *run.shape;
  co_await ended;
  co_await fail(ErrorCode::kInternal, "{} computed nothing", pipeline.task().name);
  co_return {};
}

}  // namespace ipfs_accelerate
