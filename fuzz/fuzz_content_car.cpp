// Fuzzes CAR archives: sections lie inside the archive, and what read() returns matches its CID.
#include <cstdlib>

#include "content/car.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ipfs_accelerate;
  auto car = content::CarReader::open(content::read_from({data, size}));
  if (!car) return 0;
  while (true) {
    const auto section = car->next();
    if (!section || !*section) return 0;
    if ((*section)->offset > size || (*section)->length > size - (*section)->offset) std::abort();
    const auto block = car->read(**section);
    if (block && !content::verify(block->cid(), block->bytes())) std::abort();
  }
}
