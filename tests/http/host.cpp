// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/host.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

namespace http = antiphon::http;

TEST(host, splits_name_and_port) {
  const auto name = http::parse_host("example.com:8080");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->host, "example.com");
  EXPECT_EQ(name->port, 8080);
  const auto bare = http::parse_host("localhost");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->host, "localhost");
  EXPECT_FALSE(bare->port);
  const auto v6 = http::parse_host("[::1]:0");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "[::1]");
  EXPECT_EQ(v6->port, 0);
}

TEST(host, accepts) {
  for (const auto* good : {"a",
                           "A-b_c.d~e",
                           "127.0.0.1",
                           "999.1.1.1",
                           "a.",
                           "x:0",
                           "x:65535",
                           "x:00080",
                           "%41b",
                           "a!$&'()*+,;=",
                           "[::]",
                           "[::1]:80",
                           "[1:2:3:4:5:6:7:8]",
                           "[1::8]",
                           "[1:2:3:4:5:6:7::]",
                           "[::2:3:4:5:6:7:8]",
                           "[fe80::ABCD]",
                           "[::ffff:192.0.2.1]",
                           "[1:2:3:4:5:6:192.0.2.1]",
                           "[1::192.0.2.1]"})
    EXPECT_TRUE(http::valid_host(good)) << good;
}

TEST(host, refuses) {
  for (const auto* bad : {"",
                          ":80",
                          "a:",
                          "a:65536",
                          "a:99999",
                          "a:000080",
                          "a:-1",
                          "a:+1",
                          "a:8 0",
                          "a:80:80",
                          "a b",
                          " a",
                          "a ",
                          "a\tb",
                          "user@a",
                          "u:p@a",
                          "a/b",
                          "a?b",
                          "a#b",
                          "a\\b",
                          "a%",
                          "a%4",
                          "a%zz",
                          "a\"b",
                          "<a>",
                          "{a}",
                          "a^b",
                          "a|b",
                          "a`b",
                          "\xc3\xa9",
                          "a\x7f",
                          "a\rb",
                          "::1",
                          "[::1",
                          "::1]",
                          "[]",
                          "[::1]x",
                          "[::1]80",
                          "[::1]:",
                          "[a",
                          "[g::1]",
                          "[:1]",
                          "[1:]",
                          "[:]",
                          "[:::]",
                          "[::1::]",
                          "[1:2:3:4:5:6:7]",
                          "[1:2:3:4:5:6:7:8:9]",
                          "[1:2:3:4::5:6:7:8]",
                          "[12345::]",
                          "[fe80::1%25eth0]",
                          "[fe80::1%eth0]",
                          "[v1.a]",
                          "[127.0.0.1]",
                          "[::256.0.0.1]",
                          "[::1.2.3]",
                          "[::1.2.3.4.5]",
                          "[::01.2.3.4]",
                          "[1:2:3:4:5:6:7:1.2.3.4]",
                          "[::1.2.3.4:5]",
                          "[1:2:3:4:5:1.2.3.4]",
                          "[a.b]",
                          "a[",
                          "[::1][::1]",
                          "[ ::1]"})
    EXPECT_FALSE(http::valid_host(bad)) << bad;
  EXPECT_FALSE(http::valid_host(std::string_view("a\0b", 3)));
}

TEST(host, every_byte_in_a_name) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool letter = (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z');
    const bool mark = byte != 0 && std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos;
    EXPECT_EQ(http::valid_host(std::string{'a', c, 'b'}), (letter && byte < 128) || mark) << byte;
  }
}

} // namespace
