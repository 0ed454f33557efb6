// SPDX-License-Identifier: BSL-1.0
#include "parsed_request.hpp"

#include <antiphon/http/cookie.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;
namespace http = antiphon::http;
using http_tests::parsed_request;

using pairs = std::vector<std::pair<std::string, std::string>>;

TEST(cookie, a_field_is_split_and_nothing_is_decoded) {
  const std::pair<std::string, pairs> cases[] = {
      {"", {}},
      {"a=1", {{"a", "1"}}},
      {"a=1; b=2", {{"a", "1"}, {"b", "2"}}},
      {"a=1;b=2;;  ; \tc = 3 ;", {{"a", "1"}, {"b", "2"}, {"c", "3"}}},
      {"a=b=c; d=", {{"a", "b=c"}, {"d", ""}}},
      {"alone; =nameless; a=1", {{"a", "1"}}},
      {"a=\"quoted; b\"; c=%3B", {{"a", "\"quoted"}, {"c", "%3B"}}},
      {"a=x y, z", {{"a", "x y, z"}}},
  };
  for (const auto& [field, expected] : cases) {
    ap::error_code ec;
    pairs got;
    for (const auto& c : ap::cookies::parse(field, ec)) got.emplace_back(c.name, c.value);
    EXPECT_EQ(got, expected) << field;
    EXPECT_FALSE(ec);
  }
}

TEST(cookie, of_a_request_are_those_of_all_fields) {
  parsed_request r("Cookie: a=1; b=2\r\ncookie: a=3\r\nCookies: c=4\r\n");
  const auto all = ap::cookies::of(r.req);
  EXPECT_EQ(all.size(), 3U);
  EXPECT_EQ(all.get("a"), "1") << "the first";
  EXPECT_EQ(all.get("b"), "2");
  EXPECT_EQ(all.get("A"), std::nullopt) << "names differ by case";
  EXPECT_FALSE(all.contains("c"));
  EXPECT_TRUE(ap::cookies::of(parsed_request("").req).empty());
}

TEST(cookie, has_a_limit_over_all_fields) {
  constexpr std::size_t limit = 4;
  for (const std::size_t count : {limit, limit + 1, 50 * limit}) {
    std::string lines = "Cookie: ";
    for (std::size_t i = 1; i < count; ++i) lines += "a=1; ";
    parsed_request r(lines + "\r\nCookie: b=2\r\n");
    ap::error_code ec;
    EXPECT_EQ(ap::cookies::of(r.req, ec, limit).size(), count == limit ? limit : 0U) << count;
    EXPECT_EQ(ec, count == limit ? ap::error_code() : ap::error_code(http::error::too_many_cookies));
  }
  std::string fifty;
  for (int i = 0; i < 50; ++i) fifty += "a=1;";
  EXPECT_EQ(ap::cookies::of(parsed_request("Cookie: " + fifty + "\r\n").req).size(), 50U);
  parsed_request more("Cookie: " + fifty + "b=1\r\n");
  EXPECT_THROW(static_cast<void>(ap::cookies::of(more.req)), ap::system_error);
  EXPECT_EQ(http::status_of(http::error::too_many_cookies), http::status::bad_request);
}

} // namespace
