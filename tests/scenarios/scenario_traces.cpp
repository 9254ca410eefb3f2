// Prints the traces of all scenarios, for comparing with those of Node and browsers.
#include <iostream>

#include "scenarios/scenarios.h"

int main() {
  std::cout << ipfs_accelerate::scripted::traces_of(ipfs_accelerate::scripted::run_scenarios());
  return 0;
}
