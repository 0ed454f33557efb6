// SPDX-License-Identifier: BSL-1.0
#include <antiphon/pubsub/detail/ring.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>

namespace {

TEST(ring, is_a_queue) {
  antiphon::detail::ring<int> r;
  std::deque<int> expected;
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    if (expected.empty() || random() % 7 < 4) {
      r.push_back(i);
      expected.push_back(i);
    } else {
      ASSERT_EQ(r.pop_front(), expected.front());
      expected.pop_front();
    }
    ASSERT_EQ(r.size(), expected.size());
    ASSERT_EQ(r.empty(), expected.empty());
    if (expected.empty()) continue;
    ASSERT_EQ(r.front(), expected.front());
    ASSERT_EQ(r.back(), expected.back());
    const auto at = random() % expected.size();
    ASSERT_EQ(r[at], expected[at]);
  }
}

TEST(ring, finds_places_among_what_rises) {
  antiphon::detail::ring<int> r;
  const auto itself = [](int v) { return v; };
  EXPECT_EQ(r.upto(5, itself), 0U);
  for (int i = 0; i < 3; ++i) r.push_back(0);
  for (int i = 0; i < 3; ++i) r.pop_front();
  for (int v : {10, 20, 20, 30, 40}) r.push_back(v);
  EXPECT_EQ(r.upto(9, itself), 0U);
  EXPECT_EQ(r.upto(10, itself), 1U);
  EXPECT_EQ(r.upto(20, itself), 3U);
  EXPECT_EQ(r.upto(29, itself), 3U);
  EXPECT_EQ(r.upto(99, itself), 5U);
}

TEST(ring, holds_nothing_of_what_has_left) {
  antiphon::detail::ring<std::shared_ptr<int>> r;
  const auto p = std::make_shared<int>(1);
  r.push_back(p);
  r.push_back(p);
  EXPECT_EQ(*r.pop_front(), 1);
  EXPECT_EQ(p.use_count(), 2);
}

} // namespace
