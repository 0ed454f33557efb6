// SPDX-License-Identifier: BSL-1.0
#include "parsed_request.hpp"

#include <antiphon/http/set_cookie.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

namespace ap = antiphon;
using ap::new_cookie;
using http_tests::parsed_request;
using namespace std::chrono_literals;

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
