// Fuzzes dag-pb blocks: what decodes must survive encoding and decoding.
#include <cstdlib>

#include "content/unixfs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ipfs_accelerate;
  const auto node = content::decode_dag_pb({data, size});
  if (!node) return 0;
  const Bytes encoded = content::encode_dag_pb(*node);
  const auto again = content::decode_dag_pb(encoded);
  if (encoded.size() > content::kMaxBlockBytes) return 0;  // empty names and sizes are written, which takes room
  if (!again || again->links.size() != node->links.size() || again->data != node->data) std::abort();
  for (std::size_t i = 0; i < node->links.size(); ++i) {
    const auto &a = node->links[i], &b = again->links[i];
    if (a.cid != b.cid || a.name != b.name || a.tsize != b.tsize) std::abort();
  }
  return 0;
}
