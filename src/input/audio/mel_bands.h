// Mel bands: which frequencies of a transform each bin of a log-mel spectrogram hears, and how loud.
#pragma once

#include <cstdint>
#include <vector>

#include "input/audio/feature_extractor_config.h"

namespace ipfs_accelerate {

/// A triangle: weights of the frequencies `first`, `first` + 1 ...; all others have none.
struct MelBand {
  std::size_t first = 0;
  std::vector<double> weights;
};

/// One for each bin: equal widths on Slaney's scale from 0 to 8000 Hz, equal areas. For a checked config.
std::vector<MelBand> mel_bands(const LogMelConfig& config);

}  // namespace ipfs_accelerate
