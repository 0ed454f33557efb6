// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/target.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using antiphon::http::method;
using antiphon::http::parse_target;
using antiphon::http::target_form;
namespace http = antiphon::http;

static_assert(parse_target("/a?b", method::get)->path == "/a");

TEST(target, origin_form) {
  const auto plain = parse_target("/a/b%20c;d=1", method::get);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->form, target_form::origin);
  EXPECT_EQ(plain->path, "/a/b%20c;d=1");
  EXPECT_FALSE(plain->has_query);
  EXPECT_EQ(plain->query, "");
  EXPECT_EQ(plain->authority, "");
  EXPECT_EQ(plain->scheme, "");

  const auto query = parse_target("/a?b=c?d&e=/", method::get);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->path, "/a");
  EXPECT_TRUE(query->has_query);
  EXPECT_EQ(query->query, "b=c?d&e=/");

  const auto empty = parse_target("/?", method::get);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->path, "/");
  EXPECT_TRUE(empty->has_query);
  EXPECT_EQ(empty->query, "");
}

TEST(target, absolute_form) {
  const auto full = parse_target("HTTP://example.com:80/a?b", method::get);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->form, target_form::absolute);
  EXPECT_EQ(full->scheme, "HTTP");
  EXPECT_EQ(full->authority, "example.com:80");
  EXPECT_EQ(full->path, "/a");
  EXPECT_EQ(full->query, "b");

  const auto bare = parse_target("https://[::1]", method::options);
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->authority, "[::1]");
  EXPECT_EQ(bare->path, "");
  EXPECT_EQ(bare->path_or_root(), "/");

  const auto query = parse_target("http://h?q/r", method::get);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->authority, "h");
  EXPECT_EQ(query->path, "");
  EXPECT_EQ(query->query, "q/r");
}

TEST(target, asterisk_is_for_options_only) {
  const auto star = parse_target("*", method::options);
  ASSERT_TRUE(star);
  EXPECT_EQ(star->form, target_form::asterisk);
  EXPECT_EQ(star->path, "*");
  EXPECT_FALSE(parse_target("*", method::get));
  EXPECT_FALSE(parse_target("**", method::options));
  EXPECT_FALSE(parse_target("*?a", method::options));
}

TEST(target, authority_form_is_for_connect_only_and_the_only_one_for_it) {
  const auto tunnel = parse_target("example.com:443", method::connect);
  ASSERT_TRUE(tunnel);
  EXPECT_EQ(tunnel->form, target_form::authority);
  EXPECT_EQ(tunnel->authority, "example.com:443");
  EXPECT_EQ(tunnel->path, "");
  for (const auto* bad :
       {"", "/", "*", "example.com", "example.com:", ":443", "http://example.com:443/", "u@h:1", "h:70000", "h:1/"})
    EXPECT_FALSE(parse_target(bad, method::connect)) << bad;
  EXPECT_FALSE(parse_target("example.com:443", method::get));
}

TEST(target, refuses) {
  for (const std::string_view bad : {"",
                                     "a",
                                     "a/b",
                                     "?a",
                                     "#",
                                     "/#",
                                     "/a#b",
                                     "/?a#b",
                                     "/ ",
                                     "/a b",
                                     "/?a b",
                                     "/\t",
                                     "/a\x7f",
                                     "/\xc3\xa9",
                                     "/?\xc3\xa9",
                                     "/a\rb",
                                     "/a\nb",
                                     "/%",
                                     "/%4",
                                     "/%4g",
                                     "/%g4",
                                     "/%%41",
                                     "/a%",
                                     "/a%2",
                                     "/%?41",
                                     "http:",
                                     "http:/",
                                     "http://",
                                     "http:///a",
                                     "http://?a",
                                     "http:a",
                                     "http:/a",
                                     "http://u@h/",
                                     "http://u:p@h/",
                                     "http://@h/",
                                     "http://h:x/",
                                     "http://h:99999/",
                                     "http://:80/",
                                     "http://h#f",
                                     "http://h/#f",
                                     "http://h /",
                                     "http://h/%",
                                     "http://[::1/",
                                     "http://h\\a/",
                                     "ftp://h/",
                                     "ws://h/",
                                     "://h/",
                                     "httpx://h/",
                                     "http ://h/",
                                     "javascript:alert(1)",
                                     "\\a"}) {
    EXPECT_FALSE(parse_target(bad, method::get)) << bad;
  }
  EXPECT_FALSE(parse_target(std::string_view("/\0", 2), method::get));
}

TEST(target, two_slashes_are_a_path_and_no_host) {
  const auto t = parse_target("//evil.example/a", method::get);
  ASSERT_TRUE(t);
  EXPECT_EQ(t->form, target_form::origin);
  EXPECT_EQ(t->path, "//evil.example/a");
  EXPECT_EQ(t->authority, "");
}

TEST(target, every_byte_in_path_and_query) {
  for (int byte = 0; byte < 256; ++byte) {
    SCOPED_TRACE(byte);
    const char c = static_cast<char>(byte);
    const bool visible = byte > 0x20 && byte < 0x7f && byte != '#';
    EXPECT_EQ(parse_target(std::string("/a") + c + "bc", method::get).has_value(), visible) << "'%bc' is an escape";
    EXPECT_EQ(parse_target(std::string("/a") + c + "x", method::get).has_value(), visible && byte != '%');
    EXPECT_EQ(parse_target(std::string("/?a") + c + "x", method::get).has_value(), visible) << "queries are lenient";
    EXPECT_EQ(parse_target(std::string("http://h/?a") + c + "x", method::get).has_value(), visible);
  }
}

TEST(target, parts_are_views_of_the_input) {
  const std::string text = "http://h:1/p?q";
  const auto t = parse_target(text, method::get);
  ASSERT_TRUE(t);
  for (const auto part : {t->scheme, t->authority, t->path, t->query}) {
    EXPECT_GE(part.data(), text.data());
    EXPECT_LE(part.data() + part.size(), text.data() + text.size());
  }
}

TEST(target, finds_dot_segments_also_encoded) {
  for (const auto* bad : {"/.",        "/..",       "/./",       "/../",    "/a/..",       "/a/../b", "/a/./b",
                          "/%2e",      "/%2E%2e",   "/.%2e/",    "/%2e./a", "/a/%2e%2E/b", "/a%2f..", "/a%2F%2e%2E%2fb",
                          "/..%2fetc", "/..%5cetc", "/a\\..\\b", "/..\\",   "..",          ".",       "/a//.."})
    EXPECT_TRUE(http::has_dot_segment(bad)) << bad;
  for (const auto* good : {"", "/", "//", "/a", "/...", "/a.", "/.a", "/..a", "/a..", "/a..b/c", "/.well-known/x",
                           "/%2e%2e%2e", "/%2ea", "/..%41", "/.%", "/..%2", "/..%zz", "*"})
    EXPECT_FALSE(http::has_dot_segment(good)) << good;
}

} // namespace
