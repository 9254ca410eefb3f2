// The list of architectures, and the choice of a builder from config.json.
#include <array>

#include "model/architecture.h"

namespace ipfs_accelerate {

BuildArchitecture build_bert, build_distilbert, build_gpt2, build_llama, build_mpnet, build_roberta, build_t5,
    build_vit;

namespace {

struct Architecture {
  std::string_view model_type;  ///< config.json's
  BuildArchitecture* build;
  unsigned files = kTextFiles | kGenerationFiles;  ///< ModelFileKinds that it reads
};
constexpr std::array kArchitectures{
    Architecture{"bert", build_bert},
    Architecture{"distilbert", build_distilbert},
    Architecture{"gpt2", build_gpt2},
    Architecture{"llama", build_llama},
    Architecture{"mpnet", build_mpnet},
    Architecture{"mt5", build_t5},
    Architecture{"roberta", build_roberta},
    Architecture{"t5", build_t5},
    Architecture{"vit", build_vit, kPictureFiles},
};

Result<const Architecture*> find_architecture(const ModelConfig& config) {
  IA_ASSIGN(const std::string type, config.text("model_type"));
  std::string known;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.model_type == type) return &architecture;
    known += (known.empty() ? "" : ", ") + std::string(architecture.model_type);
  }
  return fail(ErrorCode::kUnknownArchitecture, "config.json: no builder for 'model_type' '{}'; known are {}", type,
              known);
}

}  // namespace

Result<BuiltModel> build_model(std::string_view config_json, const TensorTable& tensors, const HeadOptions& options) {
  IA_ASSIGN(const ModelConfig config, ModelConfig::parse(config_json));
  IA_ASSIGN(const Architecture* architecture, find_architecture(config));
  return architecture->build(config, tensors, options);
}

Result<std::vector<std::string>> classes_of_config(std::string_view config_json) {
  IA_ASSIGN(const ModelConfig config, ModelConfig::parse(config_json));
  IA_TRY(find_architecture(config));
  return config.architectures();
}

Result<unsigned> file_kinds_of_config(std::string_view config_json) {
  IA_ASSIGN(const ModelConfig config, ModelConfig::parse(config_json));
  IA_ASSIGN(const Architecture* architecture, find_architecture(config));
  return architecture->files;
}

}  // namespace ipfs_accelerate
