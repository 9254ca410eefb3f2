// Slaney's mel scale (linear up to 1000 Hz, logarithmic above) and the triangles on it.
#include "input/audio/mel_bands.h"

#include <algorithm>
#include <cmath>

namespace ipfs_accelerate {
namespace {

constexpr double kTop = 8000;  // Hz, whatever the rate, as in transformers
constexpr double kBend = 1000, kHertzPerMel = 200.0 / 3, kBendMel = kBend / kHertzPerMel;

double log_step() { return std::log(6.4) / 27; }
double mel_of(double hertz) {
  return hertz < kBend ? hertz / kHertzPerMel : kBendMel + std::log(hertz / kBend) / log_step();
}
double hertz_of(double mel) {
  return mel < kBendMel ? mel * kHertzPerMel : kBend * std::exp(log_step() * (mel - kBendMel));
}

}  // namespace

std::vector<MelBand> mel_bands(const LogMelConfig& config) {
  const auto edge = [&](int i) { return hertz_of(mel_of(kTop) * i / (config.bins + 1)); };
  const int half = config.transform / 2, highest = config.rate / 2;
  const double per_frequency = static_cast<double>(highest) / half;
  std::vector<MelBand> bands(static_cast<std::size_t>(config.bins));
  for (int bin = 0; bin < config.bins; ++bin) {
    const double low = edge(bin), peak = edge(bin + 1), high = edge(bin + 2);
    MelBand& band = bands[static_cast<std::size_t>(bin)];
    for (int i = 0; i <= half; ++i) {
      const double hertz = i * per_frequency;
      const double height = std::min((hertz - low) / (peak - low), (high - hertz) / (high - peak));
      if (height <= 0) continue;
      if (band.weights.empty()) band.first = static_cast<std::size_t>(i);
      band.weights.push_back(height * 2 / (high - low));
    }
  }
  return bands;
}

}  // namespace ipfs_accelerate
