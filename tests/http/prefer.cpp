// SPDX-License-Identifier: BSL-1.0
#include "parsed_request.hpp"

#include <antiphon/http/prefer.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace {

std::optional<std::uint32_t> wait_of(const std::string& lines) {
  const http_tests::parsed_request of(lines);
  return antiphon::http::preferred_wait(of.req);
}
std::optional<std::uint32_t> preferred(const std::string& value) { return wait_of("Prefer: " + value + "\r\n"); }

TEST(preferred_wait, is_in_seconds) {
  EXPECT_EQ(preferred("wait=10"), 10U);
  EXPECT_EQ(preferred("wait=0"), 0U);
  EXPECT_EQ(preferred("wait=007"), 7U);
  EXPECT_EQ(preferred("Wait=10"), 10U);
  EXPECT_EQ(preferred("wait = 10"), 10U);
  EXPECT_EQ(preferred("wait=10; x=\",\"; y"), 10U);
  EXPECT_EQ(wait_of("prefer: wait=10\r\n"), 10U);
}

TEST(preferred_wait, stands_among_others) {
  EXPECT_EQ(preferred("respond-async, wait=10"), 10U);
  EXPECT_EQ(preferred("return=minimal,,wait=10, handling=strict"), 10U);
  EXPECT_EQ(preferred("a=\"wait=5, \", wait=10"), 10U);
  EXPECT_EQ(preferred("a; wait=5, wait=10"), 10U) << "a parameter is none";
  EXPECT_EQ(wait_of("Prefer: respond-async\r\nPrefer: wait=10\r\n"), 10U);
}

TEST(preferred_wait, the_first_one_counts) {
  EXPECT_EQ(preferred("wait=10, wait=5"), 10U);
  EXPECT_EQ(wait_of("Prefer: wait=10\r\nPrefer: wait=5\r\n"), 10U);
  EXPECT_EQ(preferred("wait=x, wait=5"), std::nullopt);
}

TEST(preferred_wait, more_than_anybody_waits_is_as_much) {
  EXPECT_EQ(preferred("wait=1000000000"), 1'000'000'000U);
  for (const char* much :
       {"1000000001", "4294967296", "18446744073709551615", "18446744073709551616", "99999999999999999999999999999999"})
    EXPECT_EQ(preferred("wait=" + std::string(much)), 1'000'000'000U) << much;
}

TEST(preferred_wait, is_nothing_else) {
  EXPECT_EQ(wait_of(""), std::nullopt);
  EXPECT_EQ(wait_of("Preference-Applied: wait=10\r\n"), std::nullopt);
  for (const char* none :
       {"", ",", "wait", "wait=", "wait=-1", "wait=+1", "wait=1.5", "wait=1 0", "wait=\"10\"", "wait=ten", "waits=10",
        "await=10", "wait:10", "=10", "respond-async", "x=\"wait=10", "wait10"})
    EXPECT_EQ(preferred(none), std::nullopt) << none;
}

} // namespace
