// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/address.hpp>

#include <gtest/gtest.h>

namespace {

namespace http = antiphon::http;

TEST(address, has_one_spelling) {
  for (const auto& [text, means] : {std::pair{"192.0.2.1", "192.0.2.1"},
                                    {"::ffff:192.0.2.1", "192.0.2.1"},
                                    {"::FFFF:c000:0201", "192.0.2.1"},
                                    {"2001:DB8:0:0::1", "2001:db8::1"},
                                    {"::", "::"}})
    EXPECT_EQ(http::parse_address(text).value().to_string(), means) << text;
  for (const auto* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.04", "1.2.3.4:80", "[::1]", "fe80::1%eth0", "localhost",
                           ":::", "1::2::3", " 1.2.3.4", "0x7f.1.1.1", "::ffff:1.2.3.4.5"})
    EXPECT_FALSE(http::parse_address(text)) << text;
  EXPECT_FALSE(http::parse_address(std::string_view("1.2.3.4\0", 8)));
}

TEST(address, of_a_peer_is_without_its_port) {
  for (const auto& [peer, means] : {std::pair{"192.0.2.1:80", "192.0.2.1"},
                                    {"192.0.2.1", "192.0.2.1"},
                                    {"[2001:db8::1]:80", "2001:db8::1"},
                                    {"[2001:db8::1]", "2001:db8::1"},
                                    {"2001:db8::1", "2001:db8::1"},
                                    {"unix:", "unix:"},
                                    {"unknown", "unknown"},
                                    {"[", ""},
                                    {"", ""}})
    EXPECT_EQ(http::peer_address(peer), means) << peer;
  EXPECT_EQ(http::peer_text(asio::ip::make_address("::ffff:192.0.2.1"), 80), "192.0.2.1:80");
  EXPECT_EQ(http::peer_text(asio::ip::make_address("2001:db8::1"), 80), "[2001:db8::1]:80");
  EXPECT_EQ(http::peer_text(asio::ip::make_address("2001:db8::1"), std::nullopt), "[2001:db8::1]");
}

TEST(address, nodes_may_have_a_port) {
  for (const auto& [text, means] : {std::pair{"192.0.2.1", "192.0.2.1"},
                                    {"192.0.2.1:80", "192.0.2.1:80"},
                                    {"192.0.2.1:_x", "192.0.2.1"},
                                    {"[2001:db8::1]", "[2001:db8::1]"},
                                    {"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
                                    {"2001:db8::1", "[2001:db8::1]"},
                                    {"[::ffff:192.0.2.1]:7", "192.0.2.1:7"}}) {
    const auto node = http::parse_node(text);
    ASSERT_TRUE(node) << text;
    EXPECT_EQ(http::peer_text(node->address, node->port), means);
  }
  for (const auto* text : {"", "unknown", "_hidden", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "[::1", "::1]",
                           "[::1]80", "[::1]:", "[1.2.3.4]", "[]", "1.2.3.4:80:80", "1.2.3.4:_", "1.2.3.4 :80"})
    EXPECT_FALSE(http::parse_node(text)) << text;
}

TEST(network, holds_the_addresses_that_begin_so) {
  struct {
    const char* network;
    const char* inside;
    const char* outside;
  } const cases[] = {
      {"10.0.0.0/8", "10.255.0.1", "11.0.0.1"},
      {"10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"},
      {"192.168.4.0/22", "192.168.7.255", "192.168.8.0"},
      {"127.0.0.1", "127.0.0.1", "127.0.0.2"},
      {"127.0.0.1/32", "127.0.0.1", "::1"},
      {"0.0.0.0/0", "255.1.2.3", "::1"},
      {"::/0", "2001:db8::1", "1.2.3.4"},
      {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
      {"::1", "::1", "::2"},
      {"::ffff:10.0.0.0/104", "10.1.1.1", "11.0.0.1"},
  };
  for (const auto& c : cases) {
    const auto n = http::network::parse(c.network);
    ASSERT_TRUE(n) << c.network;
    EXPECT_TRUE(n->contains(asio::ip::make_address(c.inside))) << c.network << ' ' << c.inside;
    EXPECT_FALSE(n->contains(asio::ip::make_address(c.outside))) << c.network << ' ' << c.outside;
  }
  for (const auto* text :
       {"", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.1.0.0/8", "10.0.0.1/31", "2001:db8::1/64", "/8", "10.0.0.0/-1",
        "10.0.0.0/8/8", "10.0.0.0/ 8", "::ffff:10.0.0.0/95", "example.com", "10"})
    EXPECT_FALSE(http::network::parse(text)) << text;
}

} // namespace
