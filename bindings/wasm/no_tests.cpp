// The shipped programs answer the engine's own calls alone.
#include "page.h"

namespace ipfs_accelerate::page {

Async<std::string> page_call(Core& core, host::Host&, std::string request, EventListener tell, Stop stop,
                             ReadFile read_file) {
  return carry_out(core, std::move(request), std::move(tell), std::move(stop), std::move(read_file));
}

}  // namespace ipfs_accelerate::page
