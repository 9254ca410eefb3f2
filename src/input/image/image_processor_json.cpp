// Reading preprocessor_config.json: every key checked, absent ones as transformers' classes default them.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "input/image/image_processor.h"

namespace ipfs_accelerate {
namespace {

using Json = nlohmann::json;

/// What a processor of transformers does where its file is silent.
struct Known {
  std::string_view name, model_type;
  Resample resample;
  ImageSize size;
  int crop;  ///< 0: not cropped
  std::array<double, 3> mean, std;
};
constexpr std::array<double, 3> kHalf{0.5, 0.5, 0.5};
constexpr auto kExact = ImageSize::Kind::kExact, kShortestEdge = ImageSize::Kind::kShortestEdge;
constexpr Known kKnown[] = {
    {"ViT", "vit", Resample::kBilinear, {kExact, 224, 224, 0}, 0, kHalf, kHalf},
    {"DeiT", "deit", Resample::kBicubic, {kExact, 256, 256, 0}, 224, kHalf, kHalf},
    {"CLIP",
     "clip",
     Resample::kBicubic,
     {kShortestEdge, 224, 224, 0},
     224,
     {0.48145466, 0.4578275, 0.40821073},
     {0.26862954, 0.26130258, 0.27577711}},
};

std::unexpected<Error> wrong(std::string_view key, std::string_view what) {
  return fail(ErrorCode::kMalformedConfig, "preprocessor_config.json: {} must be {}", key, what);
}

/// "ViTImageProcessorFast", "ViTFeatureExtractor" ... -> "ViT"
std::string_view family_of(std::string_view type) {
  for (const std::string_view ending :
       {"ImageProcessorFast", "ImageProcessorPil", "ImageProcessor", "FeatureExtractor"}) {
    if (type.ends_with(ending)) return type.substr(0, type.size() - ending.size());
  }
  return type;
}

std::string known_names() {
  std::string names;
  for (const Known& known : kKnown) names += (names.empty() ? "" : ", ") + std::string(known.name) + "ImageProcessor";
  return names;
}

}  // namespace

/// One file's keys.
struct ImageProcessorReader {
  const Json& json;

  /// The value, or null when absent.
  const Json* find(std::string_view key) const {
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }

  Result<const Known*> known(std::string_view model_type) const {
    for (const std::string_view key : {"image_processor_type", "feature_extractor_type"}) {
      const Json* const type = find(key);
      if (type == nullptr) continue;
      if (!type->is_string()) return wrong(key, "a text");
      const std::string name = type->get<std::string>();
      for (const Known& one : kKnown) {
        if (one.name == family_of(name)) return &one;
      }
      return fail(ErrorCode::kMalformedConfig, "preprocessor_config.json: {} '{}' is not supported; these are: {}", key,
                  name, known_names());
    }
    for (const Known& one : kKnown) {
      if (one.model_type == model_type) return &one;
    }
    return wrong("image_processor_type", known_names() + " (it is absent)");
  }

  Result<bool> flag(std::string_view key, bool absent) const {
    const Json* const value = find(key);
    if (value == nullptr) return absent;
    if (!value->is_boolean()) return wrong(key, "true or false");
    return value->get<bool>();
  }

  static Result<int> side(const Json& value, std::string_view key) {
    const bool whole = value.is_number_unsigned();
    if (!whole || value.get<std::uint64_t>() < 1 || value.get<std::uint64_t>() > kMaxImageSide) {
      return wrong(key, std::format("a whole number from 1 to {}", kMaxImageSide));
    }
    return value.get<int>();
  }

  /// A number is a square, or with `edge` the shortest edge.
  Result<ImageSize> size(std::string_view key, const ImageSize& absent, bool edge) const {
    const Json* const value = find(key);
    if (value == nullptr) return absent;
    if (!value->is_object()) {
      IA_ASSIGN(const int number, side(*value, key));
      return ImageSize{edge ? kShortestEdge : kExact, number, number, 0};
    }
    const auto part = [&](const char* name) -> Result<int> {
      const auto found = value->find(name);
      return found == value->end() || found->is_null() ? Result<int>(0) : side(*found, std::format("{}.{}", key, name));
    };
    IA_ASSIGN(const int height, part("height"));
    IA_ASSIGN(const int width, part("width"));
    IA_ASSIGN(const int shortest, part("shortest_edge"));
    IA_ASSIGN(const int longest, part("longest_edge"));
    if (shortest != 0) return ImageSize{kShortestEdge, shortest, shortest, longest};
    if (height != 0 && width != 0) return ImageSize{kExact, height, width, 0};
    return wrong(key, "a number, or have height and width, or shortest_edge (and longest_edge)");
  }

  Result<Resample> resample(Resample absent) const {
    const Json* const value = find("resample");
    if (value == nullptr) return absent;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > 3) {
      return wrong("resample", "0 (nearest), 1 (lanczos), 2 (bilinear) or 3 (bicubic)");
    }
    return static_cast<Resample>(value->get<int>());
  }

  static Result<double> number(const Json& value, std::string_view key) {
    if (!value.is_number() || !std::isfinite(static_cast<float>(value.get<double>()))) {
      return wrong(key, "a finite number");
    }
    return value.get<double>();
  }

  /// Three numbers, or one for all colours.
  Result<std::array<float, 3>> colors(std::string_view key, const std::array<double, 3>& absent) const {
    std::array<float, 3> values{};
    const Json* const given = find(key);
    if (given != nullptr && given->is_array() && given->size() != 3) return wrong(key, "three numbers");
    for (std::size_t i = 0; i < values.size(); ++i) {
      double value = absent[i];
      if (given != nullptr) {
        IA_ASSIGN(value, number(given->is_array() ? (*given)[i] : *given, key));
      }
      values[i] = static_cast<float>(value);
    }
    return values;
  }

  /// A step that nobody here carries out would be left out in silence.
  Result<> check_steps() const {
    constexpr std::string_view kCarriedOut[] = {"do_resize", "do_center_crop", "do_rescale", "do_normalize",
                                                "do_convert_rgb"};
    for (const auto& [key, value] : json.items()) {
      const bool carried_out = std::ranges::find(kCarriedOut, key) != std::end(kCarriedOut);
      if (!key.starts_with("do_") || carried_out || value.is_null() || value == Json(false)) continue;
      return wrong(key, "false: this step is not supported");
    }
    return {};
  }

  Result<> read_sizes(ImageProcessor& processor, const Known& known) const {
    const bool square = known.size.kind == kExact;
    IA_ASSIGN(const bool default_to_square, flag("default_to_square", square));
    IA_ASSIGN(const bool resizes, flag("do_resize", true));
    IA_ASSIGN(const ImageSize resize_to, size("size", known.size, !default_to_square));
    if (resizes) processor.resize_to_ = resize_to;
    IA_ASSIGN(processor.resample_, resample(known.resample));
    IA_ASSIGN(const bool crops, flag("do_center_crop", known.crop != 0));
    IA_ASSIGN(const ImageSize crop, size("crop_size", {kExact, known.crop, known.crop, 0}, false));
    if (!crops) return {};
    if (crop.kind != kExact || crop.height == 0) return wrong("crop_size", "a number, or have height and width");
    processor.crop_ = crop;
    return {};
  }

  Result<> read_values(ImageProcessor& processor, const Known& known) const {
    IA_ASSIGN(const bool rescales, flag("do_rescale", true));
    const Json* const factor = find("rescale_factor");
    if (factor != nullptr) IA_TRY(number(*factor, "rescale_factor"));
    if (rescales) processor.rescale_factor_ = factor != nullptr ? factor->get<double>() : 1.0 / 255;
    IA_ASSIGN(processor.normalize_, flag("do_normalize", true));
    IA_ASSIGN(processor.mean_, colors("image_mean", known.mean));
    IA_ASSIGN(processor.std_, colors("image_std", known.std));
    for (const float one : processor.std_) {
      if (one == 0 && processor.normalize_) return wrong("image_std", "other than zero");
    }
    IA_TRY(flag("do_convert_rgb", true));  // pictures are RGB here, whatever it says
    return {};
  }
};

Result<ImageProcessor> ImageProcessor::from_json(std::string_view preprocessor_config, std::string_view model_type) {
  const Json json = Json::parse(preprocessor_config, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return fail(ErrorCode::kMalformedConfig, "preprocessor_config.json is no JSON object");
  }
  const ImageProcessorReader reader{json};
  IA_ASSIGN(const Known* const known, reader.known(model_type));
  IA_TRY(reader.check_steps());
  ImageProcessor processor;
  IA_TRY(reader.read_sizes(processor, *known));
  IA_TRY(reader.read_values(processor, *known));
  return processor;
}

}  // namespace ipfs_accelerate
