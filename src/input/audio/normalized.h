// Normalized waveforms: sounds as the rows of samples that Wav2Vec2 takes.
#pragma once

#include <optional>
#include <span>

#include "input/audio/feature_extractor_config.h"
#include "tensor/tensor.h"

namespace ipfs_accelerate {

struct Waveforms {
  Tensor values;               ///< f32 [sounds, samples of the longest]
  std::optional<Tensor> mask;  ///< i32 of the same shape, 1 where a sound is and 0 where padding is; as the config says
};

/// Each sound to zero mean and unit variance where the config says so. With a mask that is of the sound alone, and
/// padding stays config.padding_value; without one padding counts as sound, as in transformers, so what a row becomes
/// depends on the longest beside it. kInvalidArgument and kLimitExceeded name the sound.
Result<Waveforms> normalized(const WaveformConfig& config, std::span<const Samples> sounds);

}  // namespace ipfs_accelerate
