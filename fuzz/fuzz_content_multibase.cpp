// Fuzzes multibase text: decoding is strict, so encoding gives the same text back (but for upper case).
#include <cstdlib>

#include "content/multibase.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ipfs_accelerate;
  const auto text = as_text({data, size});
  const auto bytes = content::decode_multibase(text);
  if (!bytes || (text[0] >= 'A' && text[0] <= 'Z')) return 0;
  if (content::encode_multibase(static_cast<content::Base>(text[0]), *bytes) != text) std::abort();
  return 0;
}
