// Reshaping and transposing parts of weights; see arrange_part.h.
#include "backend/arrange_part.h"

namespace ipfs_accelerate {
namespace {

std::unexpected<Error> misfit(const Weight& weight, const WeightPart& part) {
  return fail(ErrorCode::kWrongShape, "weight '{}' has a part of shape {}, which cannot be rows of {}", weight.name,
              shape_text(part.shape), shape_text(weight.shape));
}

/// As many rows of the weight as the part has elements for.
Result<> reshape(const Weight& weight, WeightPart& part) {
  IA_ASSIGN(const std::int64_t count, element_count(part.shape));
  Shape row = weight.shape;
  if (row.empty()) return misfit(weight, part);
  row[0] = 1;
  IA_ASSIGN(const std::int64_t length, element_count(row));
  if (length == 0 || count % length != 0) return misfit(weight, part);
  row[0] = count / length;
  part.shape = std::move(row);
  return {};
}

Result<Bytes> transpose(const Weight& weight, WeightPart& part) {
  if (part.shape.size() != 2 || weight.shape.size() != 2 || part.shape[0] != weight.shape[1]) {
    return misfit(weight, part);
  }
  auto turned = transposed(part.dtype, part.bytes, part.shape[0], part.shape[1]);
  if (!turned) return while_doing(turned.error(), "transposing weight '{}'", weight.name);
  std::swap(part.shape[0], part.shape[1]);
  part.bytes = *turned;
  return turned;
}

}  // namespace

Result<Bytes> arrange_part(const Weight& weight, WeightPart& part) {
  if (weight.stored == Stored::kTransposed) return transpose(weight, part);
  if (weight.stored == Stored::kReshaped) IA_TRY(reshape(weight, part));
  return Bytes();
}

}  // namespace ipfs_accelerate
