#include "engine/model_name.h"

#include "content/cid.h"

namespace ipfs_accelerate {

Result<ModelName> parse_model_name(const std::string& model) {
  using Kind = ModelName::Kind;
  if (model.empty())
    return fail(ErrorCode::kInvalidArgument, "the model's name is empty; give a CID, a name or a folder");
  if (model.starts_with("hf:")) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}': names of the hf: hub are not supported; give a folder, a CID or a registered name", model);
  }
  if (model.starts_with("http://") || model.starts_with("https://")) return ModelName{Kind::kUrl, model};
  std::string text = model;
  for (const std::string_view prefix : {"ipfs://", "/ipfs/"}) {
    if (!text.starts_with(prefix)) continue;
    text.erase(0, prefix.size());
    break;
  }
  const bool must_be_cid = text.size() != model.size();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  const std::string head = text.substr(0, text.find('/'));
  const auto cid = content::Cid::parse(head);
  if (cid) return ModelName{Kind::kCid, cid->text() + text.substr(head.size())};
  if (must_be_cid) return std::unexpected(cid.error());
  return ModelName{Kind::kOther, text};
}

}  // namespace ipfs_accelerate
