// What an operation's header needs: every op describes its fields once, by name, with
//   static constexpr void fields(auto& self, auto&& visit) { visit("x", self.x); ... }
// and from that follow its inputs, its weights and its text; a field that is left out does not compile (op.h).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/ids.h"
#include "graph/symbol.h"

namespace ipfs_accelerate {

class Rule;  ///< graph/rule.h: what the shape rule of an op reads

}  // namespace ipfs_accelerate
