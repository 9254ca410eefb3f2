// Shape rule of embed.
#include "graph/rule.h"

namespace ipfs_accelerate {
namespace {

/// Ids need a table; tables have `hidden` columns.
Result<> check_lookup(const Rule& rule, ValueId ids, WeightId table, std::string_view role, const Dims& dims,
                      std::int64_t hidden) {
  if (ids && !table) return rule.wrong("{} ids have no table", role);
  if (!table) return {};
  IA_TRY(rule.optional_value(ids, role, Dtype::kI32, dims));
  IA_ASSIGN(Shape shape, rule.matrix(table, role));
  if (shape[1] != hidden) return rule.wrong("{} table has {} columns, word table has {}", role, shape[1], hidden);
  return {};
}

}  // namespace

Result<Dims> op::Embed::infer(const Rule& rule) const {
  IA_ASSIGN(Dims dims, rule.value(ids, "ids", Dtype::kI32, 2));
  IA_ASSIGN(const Shape words, rule.matrix(word, "word table"));
  if (position && !position_ids) return rule.wrong("the position table has no ids");
  IA_TRY(check_lookup(rule, position_ids, position, "position", dims, words[1]));
  IA_TRY(check_lookup(rule, type_ids, type, "type", dims, words[1]));
  IA_TRY(rule.optional_vector(gamma, "gamma", words[1]));
  IA_TRY(rule.optional_vector(beta, "beta", words[1]));
  if (beta && !gamma) return rule.wrong("beta without gamma");
  return Dims{dims[0], dims[1], dim(words[1])};
}

}  // namespace ipfs_accelerate
