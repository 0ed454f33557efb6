// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/position.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace {

namespace ap = antiphon;

TEST(position, says_what_it_is) {
  EXPECT_EQ(ap::position::now.what(), ap::position::kind::now);
  EXPECT_EQ(ap::position::oldest.what(), ap::position::kind::oldest);
  EXPECT_EQ(ap::position::latest.what(), ap::position::kind::latest);
  constexpr auto after = ap::position::after({5, {0, 6}});
  static_assert(after.what() == ap::position::kind::after);
  EXPECT_EQ(after.last_seen(), (ap::cursor{5, {0, 6}}));
  const auto time = std::chrono::system_clock::now();
  const auto since = ap::position::since(time);
  EXPECT_EQ(since.what(), ap::position::kind::since);
  EXPECT_EQ(since.time(), time);
}

} // namespace
