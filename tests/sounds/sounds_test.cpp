// Recorded sounds: log-mel spectrograms and normalized waveforms as transformers computed them (tests/fixtures/audio).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "golden/tensor_files.h"
#include "input/audio/log_mel.h"
#include "input/audio/normalized.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;
const std::filesystem::path kFolder = IA_SOURCE_DIR "/tests/fixtures/audio";
constexpr std::size_t kWavHeader = 44;

/// A WAV of these fixtures: one channel of 16 bits behind a header of 44 bytes.
Samples wav(const std::string& file) {
  const std::string bytes = read_text(kFolder / file).value();
  const auto number = [&](std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes.at(at + i));
    return value;
  };
  const bool known = bytes.starts_with("RIFF") && number(20, 2) == 1 && number(22, 2) == 1 && number(34, 2) == 16 &&
                     bytes.substr(36, 4) == "data" && number(40, 4) == bytes.size() - kWavHeader;
  EXPECT_TRUE(known) << file;
  Samples sound{static_cast<int>(number(24, 4)), {}};
  for (std::size_t at = kWavHeader; at + 1 < bytes.size(); at += 2) {
    sound.values.push_back(static_cast<float>(static_cast<std::int16_t>(number(at, 2))) / 32768);
  }
  return sound;
}

Tensor recorded(const std::string& file, const std::string& name, bool floats = true) {
  TensorFiles files;
  EXPECT_TRUE(files.add(kFolder / file));
  Result<Tensor> tensor = floats ? files.floats(name) : files.ints(name);
  EXPECT_TRUE(tensor) << file << " " << name;
  return tensor ? *std::move(tensor) : Tensor();
}

float difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// One sound's spectrogram against its first recorded frames, the range of the others, and the sum of all.
void expect_log_mel(const std::string& file, int bins, const Json& mel, float allowed) {
  // Recorded in f32; so far from it is what transformers computes in f64, as we do.
  const float tolerance = std::min(allowed, mel["numpy_path_max_abs_diff"].get<float>() + 1e-6f);
  const auto made = LogMel::make({.bins = bins})->features(wav(file));
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->shape, mel["full_shape"].get<Shape>());
  const Tensor first = recorded("golden.safetensors", mel["tensor"]);
  const std::size_t kept = mel["kept_frames"], frames = mel["full_shape"][1];
  float worst = 0;
  double sum = 0;
  for (std::size_t bin = 0; bin < static_cast<std::size_t>(bins); ++bin) {
    const auto row = made->f32s().subspan(bin * frames, frames);
    worst = std::max(worst, difference(row.first(kept), first.f32s().subspan(bin * kept, kept)));
    for (const float value : row.subspan(kept)) {
      ASSERT_GE(value, mel["rest_min"].get<float>() - allowed);
      ASSERT_LE(value, mel["rest_max"].get<float>() + allowed);
    }
    for (const float value : row) sum += value;
  }
  EXPECT_LE(worst, tolerance) << file << ", " << bins << " bins";
  EXPECT_NEAR(sum, mel["sum"].get<double>(), 1) << file << ", " << bins << " bins";
}

TEST(Sounds, LogMelsAreWhatTransformersComputes) {
  const Json golden = Json::parse(read_text(kFolder / "golden.json").value());
  const float tolerance = golden["tolerance"]["log_mel"];
  std::size_t count = 0;
  for (const Json& sound : golden["sounds"]) {
    for (const auto& [bins, mel] : sound["mels"].items()) {
      expect_log_mel(sound["file"], std::stoi(bins), mel, tolerance);
      ++count;
    }
  }
  EXPECT_EQ(count, 4u);
}

TEST(Sounds, MelBandsAreWhatTransformersComputes) {
  const Tensor filters = recorded("golden.safetensors", "mel_filters_80");  // [frequency, bin]
  Tensor made = Tensor::f32(filters.shape);
  const std::vector<MelBand> bands = mel_bands({});
  for (std::size_t bin = 0; bin < bands.size(); ++bin) {
    for (std::size_t i = 0; i < bands[bin].weights.size(); ++i) {
      made.f32s()[(bands[bin].first + i) * bands.size() + bin] = static_cast<float>(bands[bin].weights[i]);
    }
  }
  EXPECT_LE(difference(made.f32s(), filters.f32s()), 1e-7f);
}

TEST(Sounds, WaveformsAreNormalizedAsTransformersDoes) {
  for (const std::string model : {"wav2vec2-base", "wav2vec2-large"}) {
    const auto config = read_feature_extractor_config(read_text(kFolder / model / "preprocessor_config.json").value());
    ASSERT_TRUE(config) << config.error().message;
    const auto& waveform = std::get<WaveformConfig>(*config);
    const std::vector<Samples> sounds{wav(model + "/audio0.wav"), wav(model + "/audio1.wav")};
    ASSERT_NE(sounds[0].values.size(), sounds[1].values.size());  // one is padded
    const auto made = normalized(waveform, sounds);
    ASSERT_TRUE(made) << made.error().message;
    const std::string file = model + "/golden.safetensors";
    const Tensor values = recorded(file, "forward/in/input_values");
    EXPECT_EQ(made->values.shape, values.shape);
    EXPECT_LE(difference(made->values.f32s(), values.f32s()), 3e-6f) << model;
    ASSERT_EQ(made->mask.has_value(), waveform.attention_mask);
    EXPECT_EQ(waveform.attention_mask, model == "wav2vec2-large");
    if (!made->mask) continue;
    const Tensor mask = recorded(file, "forward/in/attention_mask", /*floats=*/false);
    EXPECT_TRUE(std::ranges::equal(made->mask->i32s(), mask.i32s()));
  }
}

}  // namespace
}  // namespace ipfs_accelerate
