// Reading preprocessor_config.json of sound models: every key checked, nothing left out in silence.
#include "input/audio/feature_extractor_config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> wrong(std::string_view key, std::string_view what) {
  return fail(ErrorCode::kMalformedConfig, "preprocessor_config.json: {} must be {}", key, what);
}

Result<> within(std::string_view key, std::int64_t value, std::int64_t limit) {
  if (value >= 1 && value <= limit) return {};
  return wrong(key, std::format("a whole number from 1 to {}, not {}", limit, value));
}

/// One file's keys; null counts as absent.
struct Reader {
  const Json& json;

  const Json* find(std::string_view key) const {
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }

  Result<int> number(std::string_view key, int absent, int limit) const {
    const Json* const value = find(key);
    if (value == nullptr) return absent;
    const bool fits = value->is_number_unsigned() && value->get<std::uint64_t>() >= 1 &&
                      value->get<std::uint64_t>() <= static_cast<std::uint64_t>(limit);
    if (fits) return value->get<int>();
    return wrong(key, std::format("a whole number from 1 to {}, not {}", limit, value->dump().substr(0, 40)));
  }

  Result<bool> flag(std::string_view key, bool absent) const {
    const Json* const value = find(key);
    if (value == nullptr) return absent;
    if (!value->is_boolean()) return wrong(key, "true or false");
    return value->get<bool>();
  }

  Result<float> padding_value() const {
    const Json* const value = find("padding_value");
    if (value == nullptr) return 0.0f;
    const auto number = value->is_number() ? static_cast<float>(value->get<double>()) : NAN;
    if (!std::isfinite(number)) return wrong("padding_value", "a finite number");
    return number;
  }

  Result<std::string> type(std::string_view model_type) const {
    const Json* const value = find("feature_extractor_type");
    if (value != nullptr) {
      if (!value->is_string()) return wrong("feature_extractor_type", "a text");
      return value->get<std::string>();
    }
    if (model_type == "whisper") return std::string("WhisperFeatureExtractor");
    if (model_type == "wav2vec2") return std::string("Wav2Vec2FeatureExtractor");
    return wrong("feature_extractor_type", "WhisperFeatureExtractor or Wav2Vec2FeatureExtractor (it is absent)");
  }

  /// What nobody here carries out would be left out in silence.
  Result<> check_steps() const {
    const Json* const side = find("padding_side");
    if (side != nullptr && *side != Json("right")) return wrong("padding_side", "right: no other is supported");
    const Json* const dither = find("dither");
    if (dither != nullptr && *dither != Json(0)) {
      return wrong("dither", "0: noise would make every run of a model differ");
    }
    for (const auto& [key, value] : json.items()) {
      if (!key.starts_with("do_") || key == "do_normalize" || value.is_null() || value == Json(false)) continue;
      return wrong(key, "false: this step is not supported");
    }
    return {};
  }

  // mel_filters, n_samples and nb_max_frames follow from the others, in transformers too; and do_normalize it does not
  // read here.
  Result<FeatureExtractorConfig> log_mel() const {
    LogMelConfig config;
    IA_ASSIGN(config.bins, number("feature_size", config.bins, LogMelConfig::kMaxBins));
    IA_ASSIGN(config.rate, number("sampling_rate", config.rate, kMaxSampleRate));
    IA_ASSIGN(config.hop, number("hop_length", config.hop, static_cast<int>(kMaxSamples)));
    IA_ASSIGN(config.transform, number("n_fft", config.transform, LogMelConfig::kMaxTransform));
    IA_ASSIGN(config.seconds, number("chunk_length", config.seconds, LogMelConfig::kMaxSeconds));
    IA_ASSIGN(config.padding_value, padding_value());
    IA_TRY(config.check());
    return config;
  }

  Result<FeatureExtractorConfig> waveform() const {
    WaveformConfig config;
    IA_TRY(number("feature_size", 1, 1));
    IA_ASSIGN(config.rate, number("sampling_rate", config.rate, kMaxSampleRate));
    IA_ASSIGN(config.normalize, flag("do_normalize", config.normalize));
    IA_ASSIGN(config.attention_mask, flag("return_attention_mask", config.attention_mask));
    IA_ASSIGN(config.padding_value, padding_value());
    return config;
  }
};

}  // namespace

Result<> LogMelConfig::check() const {
  IA_TRY(within("feature_size", bins, kMaxBins));
  IA_TRY(within("sampling_rate", rate, kMaxSampleRate));
  IA_TRY(within("n_fft", transform, kMaxTransform));
  IA_TRY(within("chunk_length", seconds, kMaxSeconds));
  if (transform % 2 != 0) return wrong("n_fft", std::format("an even number, not {}", transform));
  if (!std::isfinite(padding_value)) return wrong("padding_value", "a finite number");
  if (samples() > kMaxSamples) {
    return wrong("chunk_length",
                 std::format("so small that {} seconds of {} samples are at most {}", seconds, rate, kMaxSamples));
  }
  if (transform / 2 >= samples()) {
    return wrong("n_fft", std::format("less than twice the {} samples of a sound", samples()));
  }
  IA_TRY(within("hop_length", hop, samples()));
  const std::int64_t half = transform / 2 + 1;
  if (frames() * bins > kMaxFeatures || frames() * half * half > kMaxWork) {
    return wrong("hop_length", std::format("larger: {} frames of {} samples for {} bins are beyond what is computed",
                                           frames(), transform, bins));
  }
  return {};
}

Result<FeatureExtractorConfig> read_feature_extractor_config(std::string_view preprocessor_config,
                                                             std::string_view model_type) {
  const Json json = Json::parse(preprocessor_config, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail(ErrorCode::kMalformedConfig, "preprocessor_config.json is no JSON object");
  const Reader reader{json};
  IA_ASSIGN(const std::string type, reader.type(model_type));
  if (type != "WhisperFeatureExtractor" && type != "Wav2Vec2FeatureExtractor") {
    return fail(ErrorCode::kMalformedConfig,
                "preprocessor_config.json: feature_extractor_type '{}' is not supported; these are: "
                "WhisperFeatureExtractor, Wav2Vec2FeatureExtractor",
                type);
  }
  IA_TRY(reader.check_steps());
  return type == "WhisperFeatureExtractor" ? reader.log_mel() : reader.waveform();
}

}  // namespace ipfs_accelerate
