// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/random.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cstdint>
#include <random>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST(random_word, has_every_bit) {
  std::random_device source;
  std::uint64_t set = 0, clear = 0;
  for (int i = 0; i < 200; ++i) { // that a bit is missed: 2^-200
    const auto word = ap::detail::random_word(source);
    set |= word;
    clear |= ~word;
  }
  EXPECT_EQ(std::popcount(set), 64);
  EXPECT_EQ(std::popcount(clear), 64);
}

TEST(between, stays_within_and_reaches_both_halves) {
  int low = 0, high = 0;
  for (int i = 0; i < 500; ++i) {
    const auto length = ap::detail::between(10s, 20s);
    ASSERT_GE(length, 10s);
    ASSERT_LE(length, 20s);
    ++(length < 15s ? low : high);
  }
  EXPECT_GT(low, 50);
  EXPECT_GT(high, 50);
  EXPECT_EQ(ap::detail::between(10s, 10s), 10s);
  EXPECT_EQ(ap::detail::between(10s, 5s), 10s) << "the least counts";
  const auto far = ap::detail::between(0s, std::chrono::hours(24 * 365 * 100));
  EXPECT_GE(far, 0s);
}

} // namespace
