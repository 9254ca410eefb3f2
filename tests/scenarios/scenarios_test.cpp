#include "scenarios/scenarios.h"

#include <gtest/gtest.h>

namespace ipfs_accelerate::scripted {
namespace {

TEST(Scenarios, EveryOneEndsAsItMust) {
  for (const Outcome& outcome : run_scenarios()) {
    EXPECT_FALSE(outcome.trace.empty()) << outcome.name;
    for (const std::string& problem : outcome.problems) {
      ADD_FAILURE() << outcome.name << ": " << problem << "\n" << outcome.trace.substr(0, 4000);
    }
  }
}

TEST(Scenarios, TracesRepeat) { EXPECT_EQ(traces_of(run_scenarios()), traces_of(run_scenarios())); }

}  // namespace
}  // namespace ipfs_accelerate::scripted
