// Reading a model folder; see model_folder.h.
#include "golden/model_folder.h"

namespace ipfs_accelerate {

Result<ModelFolder> read_model_folder(const std::filesystem::path& folder) {
  ModelFolder model;
  for (const std::string& name : wanted_files()) {
    if (auto content = read_text(folder / name)) model.files.emplace(name, *std::move(content));
  }
  if (std::filesystem::exists(folder / "model.safetensors")) {
    IA_TRY(model.tensors.add(folder / "model.safetensors"));
    return model;
  }
  IA_ASSIGN(const std::string index, read_text(folder / "model.safetensors.index.json"));
  IA_ASSIGN(const std::vector<std::string> names, sharded_file_names(index));
  for (const std::string& name : names) IA_TRY(model.tensors.add(folder / name));
  return model;
}

}  // namespace ipfs_accelerate
