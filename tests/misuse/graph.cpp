// A weight's number is no value's number, and an op whose description leaves out a member is noticed.
#include "graph/graph.h"

namespace ipfs_accelerate {

op::Linear a_value_for_a_weight(ValueId x, WeightId weight) {
#ifdef MISUSE
  op::Linear linear{.x = x};
  linear.weight = x;  // misuse-error {{no viable overloaded '='}}
#else
  op::Linear linear{.x = x};
  linear.weight = weight;
#endif
  return linear;
}

std::size_t a_bare_number(const Graph& graph) {
#ifdef MISUSE
  return graph.weight(3).parts.size();  // misuse-error-re {{no viable conversion from 'int' to 'WeightId'{{.*}}}}
#else
  return graph.weight({3}).parts.size();
#endif
}

struct Described {
  ValueId x{};
  float epsilon = 0;
  static constexpr void fields(auto& self, auto&& visit) {
    visit("x", self.x);
#ifndef MISUSE
    visit("epsilon", self.epsilon);
#endif
  }
};
// misuse-error@+1 {{static assertion failed}}
static_assert(fields::all_described(static_cast<std::variant<Described>*>(nullptr)));

}  // namespace ipfs_accelerate
