// LogMel: a sound as the log-mel spectrogram that Whisper takes.
#pragma once

#include "input/audio/mel_bands.h"
#include "tensor/tensor.h"

namespace ipfs_accelerate {

class LogMel {
 public:
  /// kMalformedConfig (LogMelConfig::check()).
  static Result<LogMel> make(const LogMelConfig& config);

  /// f32 [bins, frames] of the sound's first config.samples() samples, or of all with padding behind them. Plain work
  /// for Compute::offload(): 30 seconds take about 0.2 seconds, silence behind the sound nothing.
  /// kInvalidArgument for another rate than the model's, kLimitExceeded (check_samples()).
  Result<Tensor> features(const Samples& sound) const;

 private:
  LogMelConfig config_;
  std::vector<MelBand> bands_;
  std::vector<double> window_, cos_, sin_;  ///< each of config_.transform numbers
};

}  // namespace ipfs_accelerate
