// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/url.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace {

using antiphon::http::url;

std::string normal(std::string_view text) {
  const auto u = url::parse(text);
  return u ? u->text() : "refused";
}
std::string resolved(std::string_view base, std::string_view reference) {
  const auto u = url::parse(base)->resolve(reference);
  return u ? u->text() : "refused";
}

TEST(url, has_parts) {
  const auto u = url::parse("HTTP://Example.ORG:8080/a/b?x=1&y#part");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->scheme(), "http");
  EXPECT_FALSE(u->secure());
  EXPECT_EQ(u->host(), "example.org");
  EXPECT_EQ(u->port(), 8080);
  EXPECT_EQ(u->authority(), "example.org:8080");
  EXPECT_EQ(u->origin(), "http://example.org:8080");
  EXPECT_EQ(u->target(), "/a/b?x=1&y");
  EXPECT_EQ(u->path(), "/a/b");
  EXPECT_EQ(u->query(), "x=1&y");
  const auto s = url::parse("https://[2001:DB8::1]");
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->secure());
  EXPECT_EQ(s->host(), "[2001:db8::1]");
  EXPECT_EQ(s->port(), 443);
  EXPECT_EQ(s->target(), "/");
  EXPECT_FALSE(s->has_query());
}

TEST(url, has_a_normal_form) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"http://h", "http://h/"},
      {"http://h?q", "http://h/?q"},
      {"http://h:80/", "http://h/"},
      {"http://h:/", "http://h/"},
      {"https://h:443/", "https://h/"},
      {"https://h:80/", "https://h:80/"},
      {"http://h/a/./b/../c", "http://h/a/c"},
      {"http://h/../../x", "http://h/x"},
      {"http://h/a/%2e%2E/b", "http://h/b"},
      {"http://h/a/..", "http://h/"},
      {"http://h/a/.", "http://h/a/"},
      {"http://h/...", "http://h/..."},
      {"http://h/a//b", "http://h/a//b"},
      {"http://h/a b?c d", "http://h/a%20b?c%20d"},
      {"http://h/\xc3\xa4", "http://h/%C3%A4"},
      {"http://h/{x}|\"", "http://h/%7Bx%7D%7C%22"},
      {"http://h/?100%", "http://h/?100%"},
      {"http://h/#x\xff", "http://h/"},
      {"http://127.0.0.1:1/", "http://127.0.0.1:1/"},
      {"http://a.b./", "http://a.b./"},
  };
  for (const auto& [from, to] : cases) EXPECT_EQ(normal(from), to) << from;
}

TEST(url, refuses) {
  for (const std::string_view text : {"",
                                      "h",
                                      "/",
                                      "//h/",
                                      "http:",
                                      "http:/h",
                                      "http:///",
                                      "http://:80/",
                                      "ftp://h/",
                                      "file:///x",
                                      "javascript:x",
                                      "http://u@h/",
                                      "http://u:p@h/",
                                      "http://h:0/",
                                      "http://h:65536/",
                                      "http://h:x/",
                                      "http://h: 80/",
                                      "http://a b/",
                                      "http://h\\x/",
                                      "http://h/\\x",
                                      "http://h/\r\nX: y",
                                      "http://h/\n",
                                      "http://h/\t",
                                      "http://h/\x7f",
                                      " http://h/",
                                      "http://[::1",
                                      "http://[::1%25lo]/",
                                      "http://\xc3\xa4/",
                                      "http://%31/",
                                      "http://127.1/",
                                      "http://0x7f000001/",
                                      "http://2130706433/",
                                      "http://1.2.3.4.5/",
                                      "http://1.2.3.256/",
                                      "http://./",
                                      "http://h/%",
                                      "http://h/%zz",
                                      "http://h/%4"})
    EXPECT_EQ(normal(text), "refused") << text;
  EXPECT_EQ(normal(std::string_view("http://h/\0", 10)), "refused");
}

TEST(url, has_a_largest_size) {
  const std::string base = "http://h/";
  EXPECT_TRUE(url::parse(base + std::string(url::max_size - base.size(), 'a')));
  EXPECT_FALSE(url::parse(base + std::string(url::max_size - base.size() + 1, 'a')));
  EXPECT_FALSE(url::parse(base + std::string(url::max_size * 100, 'a')));
  EXPECT_FALSE(url::parse(base)->resolve(std::string(url::max_size + 1, 'a')));
  // What grows by being encoded stays bounded, and its offsets right.
  const auto grown = url::parse(base + std::string(url::max_size - base.size(), ' '));
  ASSERT_TRUE(grown);
  EXPECT_EQ(grown->target().size(), 1 + 3 * (url::max_size - base.size()));
}

TEST(url, resolves_references) { // RFC 3986, section 5.4
  const std::string_view base = "http://a/b/c/d;p?q";
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {";x", "http://a/b/c/;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../../g", "http://a/g"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"https://x/", "https://x/"},
      {"//x:8080/y", "http://x:8080/y"},
      {"g?a:b", "http://a/b/c/g?a:b"},
      {"mailto:x", "refused"},
      {"http:g", "refused"},
      {"//u@x/", "refused"},
      {"/a\r\nSet-Cookie: x", "refused"},
      {"\\\\x", "refused"},
  };
  for (const auto& [reference, to] : cases) EXPECT_EQ(resolved(base, reference), to) << reference;
  EXPECT_EQ(resolved("http://h:81/x", "y"), "http://h:81/y");
  EXPECT_EQ(url::parse("http://h:81/x")->resolve("y")->port(), 81);
}

} // namespace
