#include "task/run.h"

namespace ipfs_accelerate {

Result<const ImageProcessor*> TaskRun::image_processor() const {
  return fail(ErrorCode::kNotFound, "there is no preprocessor_config.json here");
}

Async<Image> TaskRun::decode(Picture) {
  co_await fail(ErrorCode::kUnsupportedMedia, "no pictures are decoded here");
  co_return {};
}

Async<Tensor> compute_output(TaskRun& run, Batch inputs, std::string name) {
  std::vector<NamedTensor> outputs = co_await run.compute(std::string(kOnlyPart), std::move(inputs), {name});
  if (outputs.size() != 1) co_await fail(ErrorCode::kInternal, "{} outputs came for '{}'", outputs.size(), name);
  co_return std::move(outputs.front().second);
}

}  // namespace ipfs_accelerate
