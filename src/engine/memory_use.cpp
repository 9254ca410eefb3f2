// Resident memory from /proc.
#include "engine/memory_use.h"

#include <unistd.h>

#include <fstream>

namespace ipfs_accelerate {

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t pages_in_all = 0, resident = 0;
  if (!(statm >> pages_in_all >> resident)) return 0;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace ipfs_accelerate
