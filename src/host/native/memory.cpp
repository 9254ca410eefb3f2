#include "host/native/memory.h"

#include <unistd.h>

#include <fstream>
#include <string>

namespace ipfs_accelerate::host {

std::uint64_t resident_memory() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages_in_all = 0, resident = 0;
  if (!(statm >> pages_in_all >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t free_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::uint64_t kilobytes = 0;
  for (std::string word; meminfo >> word;) {
    if (word == "MemAvailable:" && meminfo >> kilobytes) return kilobytes << 10;
  }
  return UINT64_MAX;
}

}  // namespace ipfs_accelerate::host
