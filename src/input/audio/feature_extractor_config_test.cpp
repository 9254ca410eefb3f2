// What a sound model's preprocessor_config.json may say, and what is refused.
#include "input/audio/feature_extractor_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "input/audio/log_mel.h"

namespace ipfs_accelerate {
namespace {

using testing::HasSubstr;

Result<FeatureExtractorConfig> read(const std::string& type, const std::string& rest) {
  return read_feature_extractor_config(R"({"feature_extractor_type": ")" + type + R"(FeatureExtractor")" +
                                       (rest.empty() ? "" : ", ") + rest + "}");
}
Result<FeatureExtractorConfig> whisper(const std::string& rest) { return read("Whisper", rest); }
Result<FeatureExtractorConfig> wav2vec2(const std::string& rest) { return read("Wav2Vec2", rest); }

void expect_wrong(const Result<FeatureExtractorConfig>& config, const std::string& text, const std::string& named) {
  ASSERT_FALSE(config) << text;
  EXPECT_EQ(config.error().code, ErrorCode::kMalformedConfig) << text;
  EXPECT_THAT(config.error().message, HasSubstr("preprocessor_config.json"));
  EXPECT_THAT(config.error().message, HasSubstr(named)) << text;
}

TEST(FeatureExtractorConfig, AbsentKeysAreAsInTransformers) {
  for (const auto& config : {whisper(""), read_feature_extractor_config("{}", "whisper"),
                             whisper(R"("n_fft": null, "feature_size": null, "do_pad": null)")}) {
    ASSERT_TRUE(config) << config.error().message;
    const auto& mel = std::get<LogMelConfig>(*config);
    EXPECT_EQ(mel.bins, 80);
    EXPECT_EQ(mel.rate, 16000);
    EXPECT_EQ(mel.hop, 160);
    EXPECT_EQ(mel.transform, 400);
    EXPECT_EQ(mel.samples(), 480000);
    EXPECT_EQ(mel.frames(), 3000);
    EXPECT_EQ(mel.padding_value, 0);
  }
  for (const auto& config : {wav2vec2(""), read_feature_extractor_config("{}", "wav2vec2")}) {
    ASSERT_TRUE(config) << config.error().message;
    const auto& waveform = std::get<WaveformConfig>(*config);
    EXPECT_EQ(waveform.rate, 16000);
    EXPECT_TRUE(waveform.normalize);
    EXPECT_FALSE(waveform.attention_mask);
    EXPECT_EQ(waveform.padding_value, 0);
  }
}

TEST(FeatureExtractorConfig, KeysAreRead) {
  // n_samples, nb_max_frames, mel_filters and do_normalize are what transformers writes or keeps, and does not read.
  const auto small = whisper(
      R"("feature_size": 128, "chunk_length": 4, "hop_length": 200, "n_fft": 512, "sampling_rate": 8000,
         "padding_value": 0.5, "padding_side": "right", "dither": 0.0, "n_samples": 1, "nb_max_frames": 2,
         "mel_filters": [[1]], "do_normalize": true, "return_attention_mask": true, "processor_class": "X")");
  ASSERT_TRUE(small) << small.error().message;
  const auto& mel = std::get<LogMelConfig>(*small);
  EXPECT_EQ(mel.bins, 128);
  EXPECT_EQ(mel.rate, 8000);
  EXPECT_EQ(mel.transform, 512);
  EXPECT_EQ(mel.samples(), 32000);
  EXPECT_EQ(mel.frames(), 160);
  EXPECT_EQ(mel.padding_value, 0.5f);
  const auto plain = wav2vec2(R"("do_normalize": false, "return_attention_mask": true, "sampling_rate": 8000,
                                 "padding_value": -1, "feature_size": 1, "padding_side": "right")");
  ASSERT_TRUE(plain) << plain.error().message;
  const auto& waveform = std::get<WaveformConfig>(*plain);
  EXPECT_FALSE(waveform.normalize);
  EXPECT_TRUE(waveform.attention_mask);
  EXPECT_EQ(waveform.rate, 8000);
  EXPECT_EQ(waveform.padding_value, -1);
}

TEST(FeatureExtractorConfig, AnotherExtractorIsNamed) {
  expect_wrong(read("Clap", ""), "Clap",
               "feature_extractor_type 'ClapFeatureExtractor' is not supported; these are: "
               "WhisperFeatureExtractor, Wav2Vec2FeatureExtractor");
  for (const std::string text : {R"({"feature_extractor_type": 7})", R"({"feature_extractor_type": null})", "{}"}) {
    expect_wrong(read_feature_extractor_config(text, "bert"), text, "feature_extractor_type must be");
  }
  for (const std::string& text : {std::string("[]"), std::string(), std::string("{"), std::string(100'000, '[')}) {
    expect_wrong(read_feature_extractor_config(text), text.substr(0, 9), "no JSON object");
  }
}

TEST(FeatureExtractorConfig, WhatIsWrongForWhisperIsNamed) {
  for (const auto& [text, named] : std::vector<std::pair<std::string, std::string>>{
           {R"("n_fft": 2147483648)", "n_fft must be a whole number from 1 to 8192, not 2147483648"},
           {R"("n_fft": 8194)", "n_fft must be"},
           {R"("n_fft": 0)", "n_fft must be"},
           {R"("n_fft": -400)", "n_fft must be"},
           {R"("n_fft": 401)", "n_fft must be an even number, not 401"},
           {R"("n_fft": 400.0)", "n_fft must be"},
           {R"("n_fft": "400")", "n_fft must be"},
           {R"("hop_length": 0)", "hop_length must be a whole number from 1"},
           {R"("hop_length": -160)", "hop_length must be"},
           {R"("hop_length": 480001)", "hop_length must be a whole number from 1 to 480000, not 480001"},
           {R"("hop_length": 1)", "hop_length must be larger: 480000 frames"},
           {R"("hop_length": 20, "n_fft": 4096)", "hop_length must be larger"},
           {R"("hop_length": 10, "feature_size": 512)", "hop_length must be larger"},
           {R"("feature_size": -1)", "feature_size must be a whole number from 1 to 512, not -1"},
           {R"("feature_size": 0)", "feature_size must be"},
           {R"("feature_size": 513)", "feature_size must be"},
           {R"("feature_size": 18446744073709551615)", "feature_size must be"},
           {R"("feature_size": [80])", "feature_size must be"},
           {R"("sampling_rate": 0)", "sampling_rate must be"},
           {R"("sampling_rate": 768001)", "sampling_rate must be"},
           {R"("chunk_length": 0)", "chunk_length must be"},
           {R"("chunk_length": 3601)", "chunk_length must be"},
           {R"("chunk_length": 3600, "sampling_rate": 48000)", "chunk_length must be so small that 3600 seconds"},
           {R"("chunk_length": 1, "sampling_rate": 200)", "n_fft must be less than twice the 200 samples"},
           {R"("padding_value": "0")", "padding_value must be a finite number"},
           {R"("padding_value": 1e39)", "padding_value must be a finite number"},
           {R"("padding_side": "left")", "padding_side must be right"},
           {R"("padding_side": 1)", "padding_side must be right"},
           {R"("dither": 0.001)", "dither must be 0"},
           {R"("dither": true)", "dither must be 0"},
           {R"("do_resample": true)", "do_resample must be false"}}) {
    expect_wrong(whisper(text), text, named);
  }
}

TEST(FeatureExtractorConfig, WhatIsWrongForWav2Vec2IsNamed) {
  for (const auto& [text, named] : std::vector<std::pair<std::string, std::string>>{
           {R"("feature_size": 2)", "feature_size must be a whole number from 1 to 1, not 2"},
           {R"("feature_size": -1)", "feature_size must be"},
           {R"("sampling_rate": 1e9)", "sampling_rate must be"},
           {R"("do_normalize": 1)", "do_normalize must be true or false"},
           {R"("return_attention_mask": "yes")", "return_attention_mask must be true or false"},
           {R"("padding_side": "left")", "padding_side must be right"},
           {R"("padding_value": -1e300)", "padding_value must be a finite number"}}) {
    expect_wrong(wav2vec2(text), text, named);
  }
}

TEST(FeatureExtractorConfig, ABuiltOneIsCheckedToo) {
  for (const LogMelConfig& config : std::vector<LogMelConfig>{{.bins = 0},
                                                              {.rate = -1},
                                                              {.hop = 0},
                                                              {.transform = 1 << 30},
                                                              {.transform = 3},
                                                              {.seconds = 1 << 30},
                                                              {.padding_value = NAN}}) {
    const auto made = LogMel::make(config);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kMalformedConfig);
  }
}

}  // namespace
}  // namespace ipfs_accelerate
