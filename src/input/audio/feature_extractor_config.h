// FeatureExtractorConfig: what preprocessor_config.json says about a sound model's input.
#pragma once

#include <string_view>
#include <variant>

#include "input/audio/samples.h"

namespace ipfs_accelerate {

/// WhisperFeatureExtractor: the sound's loudness over time and pitch.
struct LogMelConfig {
  static constexpr int kMaxBins = 512, kMaxTransform = 8192, kMaxSeconds = 3600;
  static constexpr std::int64_t kMaxFeatures = std::int64_t{1} << 24;  ///< of one sound, 4 bytes each
  static constexpr std::int64_t kMaxWork = std::int64_t{1} << 30;      ///< multiplications of its transforms, about

  int bins = 80;        ///< feature_size
  int rate = 16000;     ///< sampling_rate
  int hop = 160;        ///< hop_length: samples from one frame to the next
  int transform = 400;  ///< n_fft: samples of a frame; even
  int seconds = 30;     ///< chunk_length: every sound is cut or filled to so many
  float padding_value = 0;

  std::int64_t samples() const { return std::int64_t{seconds} * rate; }
  std::int64_t frames() const { return samples() / hop; }
  /// Every number within its limit; kMalformedConfig names the key.
  Result<> check() const;
};

/// Wav2Vec2FeatureExtractor: the samples themselves.
struct WaveformConfig {
  int rate = 16000;
  bool normalize = true;        ///< do_normalize: to zero mean and unit variance
  bool attention_mask = false;  ///< return_attention_mask: the model is told where padding is
  float padding_value = 0;
};

using FeatureExtractorConfig = std::variant<LogMelConfig, WaveformConfig>;

/// Absent keys are as transformers' classes default them. `model_type` (of config.json) says what the extractor is
/// where the file does not. kMalformedConfig names the key, or the extractor that is not known here.
Result<FeatureExtractorConfig> read_feature_extractor_config(std::string_view preprocessor_config,
                                                             std::string_view model_type = {});

}  // namespace ipfs_accelerate
