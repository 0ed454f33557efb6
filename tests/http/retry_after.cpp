// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/retry_after.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

namespace {

using namespace std::chrono_literals;
using antiphon::http::parse_retry_after;

TEST(retry_after, is_a_number_of_seconds) {
  EXPECT_EQ(parse_retry_after("0"), 0s);
  EXPECT_EQ(parse_retry_after("120"), 120s);
  EXPECT_EQ(parse_retry_after("1000000000"), 1'000'000'000s);
  EXPECT_EQ(parse_retry_after("1000000001"), 1'000'000'000s);
  EXPECT_EQ(parse_retry_after("18446744073709551615"), 1'000'000'000s);
}

TEST(retry_after, is_a_date) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto in = [&](std::chrono::seconds length) {
    return parse_retry_after(antiphon::http::date_text(now + length).view()).value_or(-1s);
  };
  EXPECT_LE(in(100s), 100s);
  EXPECT_GE(in(100s), 90s); // a test may be slow
  EXPECT_EQ(in(-100s), 0s);
}

TEST(retry_after, is_nothing_else) {
  for (const auto* text : {"", " ", "-1", "1.5", "1s", "soon", "99999999999999999999"})
    EXPECT_EQ(parse_retry_after(text), std::nullopt) << text;
}

} // namespace
