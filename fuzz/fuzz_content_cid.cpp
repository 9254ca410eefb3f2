// Fuzzes CIDs as text and bytes: what is read must be written and read the same again.
#include <algorithm>
#include <cstdlib>

#include "content/cid.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ipfs_accelerate;
  using content::Cid;
  for (const auto& cid : {Cid::parse(as_text({data, size})), Cid::from_bytes({data, size})}) {
    if (!cid) continue;
    const auto from_text = Cid::parse(cid->text());
    const auto from_bytes = Cid::from_bytes(cid->to_bytes());
    if (!from_text || !from_bytes || *from_text != *cid || *from_bytes != *cid) std::abort();
  }
  const auto bytes = Cid::from_bytes({data, size});
  if (bytes && !std::ranges::equal(bytes->to_bytes(), ByteView(data, size))) std::abort();
  return 0;
}
