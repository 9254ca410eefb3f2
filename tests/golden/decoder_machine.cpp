// Loading fixtures onto devices, and the texts that T5 reads.
#include "golden/decoder_machine.h"

#include "backend/arrange_part.h"
#include "backend/cpu/cpu.h"
#include "backend/webgpu/gpu_backend.h"
#include "golden/model_folder.h"
#include "task/sources.h"

namespace ipfs_accelerate {
namespace {

Batch sources_of(const std::vector<std::size_t>& texts) {
  static const std::vector<Tokens> kTexts{
      {9, 30, 200, 7, 1}, {44, 3, 120, 121, 122, 81, 17, 60, 5, 6, 7, 80, 90, 100, 110, 130, 140, 150, 1}, {77, 1}};
  std::size_t width = 1;
  for (const std::size_t text : texts) width = std::max(width, kTexts.at(text).size());
  const Shape shape{static_cast<std::int64_t>(texts.size()), static_cast<std::int64_t>(width)};
  Tensor ids = Tensor::i32(shape), mask = Tensor::i32(shape);
  for (std::size_t b = 0; b < texts.size(); ++b) {
    const Tokens& text = kTexts[texts[b]];
    std::ranges::copy(text, ids.i32s().subspan(b * width).begin());
    std::ranges::fill(mask.i32s().subspan(b * width, text.size()), 1);
  }
  Batch sources{{{kBatch, shape[0]}, {kSequence, shape[1]}}};
  sources.add("input_ids", std::move(ids));
  sources.add("attention_mask", std::move(mask));
  return sources;
}

}  // namespace

Machine::Machine() : cpu(cpu::make_backend(compute)) {}

Machine& machine() {
  static Machine& kept = *new Machine;
  return kept;
}

Async<std::unique_ptr<OnDevice>> OnDevice::open(std::string folder, Choice choice, LoadOptions options) {
  const ModelFolder files = co_await read_model_folder(std::filesystem::path(IA_SOURCE_DIR) / folder);
  auto pipeline = std::make_unique<Pipeline>(co_await Pipeline::open(files.files, files.tensors.index().table(), {}));
  std::unique_ptr<OnDevice> made(new OnDevice(std::move(pipeline)));
  made->parts_ = co_await LoadedParts::open(made->pipeline_->parts(), std::move(choice), options, Stop());
  const Graph& graph = made->pipeline_->parts().front().graph;
  for (const WeightId id : made->parts_->weights()) {
    std::vector<Bytes> kept;
    std::vector<WeightPart> parts;
    for (const std::string& name : graph.weight(id).parts) {
      const TensorFiles::Stored stored = co_await files.tensors.stored(name);
      WeightPart part{stored.info.dtype, stored.info.shape, stored.bytes};
      kept.push_back(co_await arrange_part(graph.weight(id), part));
      parts.push_back(std::move(part));
    }
    co_await made->parts_->upload(id, std::move(parts), Stop());
  }
  co_return made;
}

Async<std::unique_ptr<Decoder>> open_decoder(TaskRun& run, std::vector<std::size_t> texts, std::int64_t rows,
                                             std::size_t spare) {
  if (run.facts().model_type == "text_generation") co_return co_await Decoder::open(run, texts.size() + spare, rows);
  EncodedSources encoded = co_await encode_sources(run, sources_of(texts), rows, {}, spare);
  co_return std::move(encoded.decoder);
}

Choice OnEveryDevice::choice() {
  if (GetParam().platform == "cpu") return {machine().cpu, machine().cpu, "a test", ""};
  static const std::shared_ptr<Backend> gpu =
      must(webgpu::GpuBackend::open_unchecked(machine().gpu, &machine().compute, Stop()));
  return {gpu, machine().cpu, "a test", ""};
}

Async<std::unique_ptr<OnDevice>> OnEveryDevice::open_model() {
  return OnDevice::open("tests/fixtures/" + GetParam().fixture, choice(), {.precision = GetParam().precision});
}

OnDevice& OnEveryDevice::model() {
  static std::map<Where, std::unique_ptr<OnDevice>>& models = *new std::map<Where, std::unique_ptr<OnDevice>>;
  auto& kept = models[GetParam()];
  if (!kept) kept = must(open_model());
  return *kept;
}

}  // namespace ipfs_accelerate
