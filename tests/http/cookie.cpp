// SPDX-License-Identifier: BSL-1.0
#include "parsed_request.hpp"

#include <antiphon/http/cookie.hpp>
#include <antiphon/http/set_cookie.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;
namespace http = antiphon::http;
using ap::new_cookie;
using http_tests::parsed_request;
using namespace std::chrono_literals;

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
  EXPECT_EQ(http::status_of(http::error::too_many_cookies), ap::status::bad_request);
}

TEST(set_cookie, has_safe_defaults) {
  EXPECT_EQ(new_cookie("a", "1").text(false), "a=1; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(new_cookie("a", "1").text(true), "a=1; Path=/; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(new_cookie("__Host-a", "").text(false), "__Host-a=; Path=/; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(new_cookie("a", "1").secure(true).text(false), "a=1; Path=/; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(new_cookie("a", "1").secure(false).text(true), "a=1; Path=/; HttpOnly; SameSite=Lax");
}

TEST(set_cookie, takes_what_it_is_told) {
  EXPECT_EQ(new_cookie("a", "1")
                .path("/x")
                .domain("example.org")
                .max_age(2h)
                .expires(std::chrono::sys_seconds(784111777s))
                .http_only(false)
                .same_site(ap::same_site::strict)
                .text(false),
            "a=1; Path=/x; Domain=example.org; Max-Age=7200; Expires=Sun, 06 Nov 1994 08:49:37 GMT; SameSite=Strict");
  EXPECT_EQ(new_cookie("a", "1").same_site(ap::same_site::none).text(true),
            "a=1; Path=/; Secure; HttpOnly; SameSite=None");
  EXPECT_EQ(new_cookie::removal("a").text(false),
            "a=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax");
}

TEST(set_cookie, refuses_what_would_make_another_cookie_or_field) {
  for (const char* name : {"", "a b", "a=b", "a;b", "a\r\nX: y", "a,b", "\xc3\xa9"})
    EXPECT_THROW(new_cookie(name, "1"), std::invalid_argument) << name;
  EXPECT_THROW(new_cookie("a", std::string_view("x\0y", 3)), std::invalid_argument);
  for (const char* value : {"a b", "a;b", "a\r\nSet-Cookie: b=1", "a\nb", "a,b", "\"a\"", "a\\b", "\x7f", "\xc3\xa9"})
    EXPECT_THROW(new_cookie("a", value), std::invalid_argument) << value;
  for (const char* path : {"", "a", "/a;Domain=b", "/a\r\n", "/ "})
    EXPECT_THROW(new_cookie("a", "").path(path), std::invalid_argument) << path;
  for (const char* domain : {"", "a;b", "a\nb"})
    EXPECT_THROW(new_cookie("a", "").domain(domain), std::invalid_argument) << domain;
  EXPECT_EQ(new_cookie("abcd", std::string(4092, 'x')).text(false).size(),
            4096U + std::string_view("=; Path=/; HttpOnly; SameSite=Lax").size());
  EXPECT_THROW(new_cookie("abcd", std::string(4093, 'x')), std::invalid_argument);
  EXPECT_THROW(new_cookie("abcd", std::string(409'200, 'x')), std::invalid_argument);
}

TEST(set_cookie, refuses_what_browsers_would_drop) {
  EXPECT_THROW(new_cookie("__Secure-a", "").secure(false).text(true), std::invalid_argument);
  EXPECT_THROW(new_cookie("__host-a", "").secure(false).text(true), std::invalid_argument);
  EXPECT_THROW(new_cookie("__Host-a", "").path("/x").text(true), std::invalid_argument);
  EXPECT_THROW(new_cookie("__Host-a", "").domain("a.b").text(true), std::invalid_argument);
  EXPECT_NO_THROW(new_cookie("__Secure-a", "").domain("a.b").path("/x").text(false));
  EXPECT_THROW(new_cookie("a", "").same_site(ap::same_site::none).text(false), std::invalid_argument);
}

TEST(set_cookie, stands_beside_others_in_an_answer) {
  parsed_request r("");
  ap::response res("text");
  ap::set_cookie(res, r.req, new_cookie("a", "1"));
  ap::set_cookie(res, r.req, new_cookie("b", "2").max_age(1h));
  EXPECT_EQ(res.fields().wire(), "Set-Cookie: a=1; Path=/; HttpOnly; SameSite=Lax\r\n"
                                 "Set-Cookie: b=2; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax\r\n");
}

} // namespace
