// SPDX-License-Identifier: BSL-1.0
#include <antiphon/testing/fail_after.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <stdexcept>
#include <vector>

namespace {

namespace ap = antiphon;
using ap::testing::fail_after;
using ap::testing::for_each_failure;

TEST(fail_after, lets_steps_succeed_then_fails_for_good) {
  const fail_after failure(2, asio::error::timed_out);
  const fail_after copy = failure;
  EXPECT_FALSE(failure.step());
  EXPECT_FALSE(copy.step());
  EXPECT_FALSE(failure.failed());
  EXPECT_EQ(copy.step(), asio::error::timed_out);
  EXPECT_TRUE(failure.failed());
  EXPECT_EQ(failure.step(), asio::error::timed_out);
}

TEST(for_each_failure, visits_every_step_and_then_the_run_without) {
  std::vector<int> reached;
  const std::size_t failures = for_each_failure([&](const fail_after& failure) {
    int steps = 0;
    while (steps < 3 && !failure.step()) ++steps;
    reached.push_back(steps);
    EXPECT_EQ(failure.failed(), steps < 3);
  });
  EXPECT_EQ(failures, 3u);
  EXPECT_EQ(reached, (std::vector<int>{0, 1, 2, 3}));
}

TEST(for_each_failure, a_scenario_without_steps_runs_once) {
  int runs = 0;
  EXPECT_EQ(for_each_failure([&](const fail_after&) { ++runs; }), 0u);
  EXPECT_EQ(runs, 1);
}

TEST(for_each_failure, one_that_never_gets_by_is_named) {
  const auto endless = [](const fail_after& failure) {
    while (!failure.step()) {}
  };
  EXPECT_THROW(for_each_failure(endless, 100), std::logic_error);
}

} // namespace
