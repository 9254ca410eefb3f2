// Fuzzes preprocessor_config.json of sound models, and sounds: what is read prepares to finite numbers of its size.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "input/audio/log_mel.h"
#include "input/audio/normalized.h"

namespace {

using namespace ipfs_accelerate;

void check(const Tensor& tensor, const Shape& shape) {
  if (tensor.shape != shape) std::abort();
  for (const float value : tensor.f32s()) {
    if (!std::isfinite(value)) std::abort();
  }
}

void prepare(const LogMelConfig& config, Samples sound) {
  if (config.frames() * config.transform * config.transform > 1 << 24) return;  // only slow
  if (config.samples() > 1 << 20 || config.frames() * config.bins > 1 << 20) return;
  sound.rate = config.rate;
  const auto extractor = LogMel::make(config);
  if (!extractor) std::abort();
  const auto features = extractor->features(sound);
  if (features) check(*features, {config.bins, config.frames()});
}

void prepare(const WaveformConfig& config, Samples sound) {
  sound.rate = config.rate;
  const Samples two[] = {sound, {sound.rate, {1, 0, -1}}};
  const auto waveforms = normalized(config, two);
  if (!waveforms) return;
  check(waveforms->values, {2, static_cast<std::int64_t>(std::max<std::size_t>(sound.values.size(), 3))});
}

}  // namespace

// The input is a preprocessor_config.json, a zero byte, a number of channels, and samples as 32-bit floats.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  const auto config = read_feature_extractor_config(input.substr(0, end), "whisper");
  if (end == input.npos || end + 2 > input.size()) return 0;
  const std::string_view rest = input.substr(end + 2);
  std::vector<float> values(rest.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), rest.data(), values.size() * sizeof(float));
  const auto mixed = mono(values, input[end + 1], 16000);
  const Samples sound = mixed ? *mixed : Samples{16000, {0.5f, -0.5f}};
  if (config) std::visit([&](const auto& known) { prepare(known, sound); }, *config);
  return 0;
}
