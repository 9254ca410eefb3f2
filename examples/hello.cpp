#include <ipfs_accelerate/ipfs_accelerate.h>

#include <cstdio>

using namespace ipfs_accelerate;

int main() {
  const auto result = accelerate("zoo/numbers-bert", {Text{"forty two"}}, {.platform = "cpu"});
  std::puts(result ? result->to_json().c_str() : result.error().message.c_str());
  return result ? 0 : 1;
}
