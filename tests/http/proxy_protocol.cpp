// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/proxy_protocol.hpp>

#include <gtest/gtest.h>

namespace {

namespace http = antiphon::http;
using result = http::parse_result;
using namespace std::string_literals;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string v2(unsigned char command, unsigned char what, const std::string& rest) {
  std::string out = signature;
  out += static_cast<char>(command);
  out += static_cast<char>(what);
  out += static_cast<char>(rest.size() >> 8);
  out += static_cast<char>(rest.size() & 255);
  return out + rest;
}
const std::string v4_addresses = "\xc0\x00\x02\x01\x0a\x00\x00\x01\xc8\x22\x00\x50"s;
const std::string v6_addresses =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s + std::string(16, '\0') + "\x01\xbb\x00\x50"s;
const std::string mapped_addresses =
    std::string(10, '\0') + "\xff\xff\xc0\x00\x02\x01"s + std::string(16, '\0') + "\0\x07\0\x50"s;

struct good {
  std::string header, peer;
};
const good goods[] = {
    {"PROXY TCP4 192.0.2.1 10.0.0.1 51234 80\r\n", "192.0.2.1:51234"},
    {"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0:0"},
    {"PROXY TCP6 2001:DB8::1 ::1 443 80\r\n", "[2001:db8::1]:443"},
    {"PROXY TCP6 ::ffff:192.0.2.1 ::1 443 80\r\n", "192.0.2.1:443"},
    {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {"PROXY UNKNOWN\r\n", ""},
    {"PROXY UNKNOWN ffff::1 whatever it says 1 2\r\n", ""},
    {"PROXY UNKNOWN" + std::string(92, ' ') + "\r\n", ""}, // 107 bytes
    {v2(0x21, 0x11, v4_addresses), "192.0.2.1:51234"},
    {v2(0x21, 0x21, v6_addresses), "[2001:db8::1]:443"},
    {v2(0x21, 0x21, mapped_addresses), "192.0.2.1:7"},
    {v2(0x21, 0x31, std::string(216, 'p')), "unix:"},
    {v2(0x21, 0x11, v4_addresses + "\x20\x00\x05\x01\x00\x00\x00\x00"s), "192.0.2.1:51234"}, // a TLV behind
    {v2(0x21, 0x11, v4_addresses + std::string(4096 - 16 - 12, 't')), "192.0.2.1:51234"},    // 4096 bytes
    {v2(0x20, 0x00, ""), ""},
    {v2(0x20, 0x11, v4_addresses), ""}, // LOCAL: addresses are to be passed over
    {v2(0x20, 0x77, "anything"), ""},
    {v2(0x21, 0x00, ""), ""},
    {v2(0x21, 0x00, "anything"), ""},
};

TEST(proxy_protocol, reads_headers_in_any_split) {
  for (const auto& g : goods) {
    SCOPED_TRACE(testing::PrintToString(g.header));
    const std::string all = g.header + "GET / HTTP/1.1\r\n";
    for (std::size_t n = 0; n <= all.size(); ++n) {
      http::proxy_header out;
      antiphon::error_code ec;
      const auto got = http::parse_proxy_header(std::string_view(all).substr(0, n), out, ec);
      ASSERT_EQ(got, n < g.header.size() ? result::more : result::done) << n;
      ASSERT_FALSE(ec);
      if (got != result::done) continue;
      EXPECT_EQ(out.size, g.header.size());
      EXPECT_EQ(out.peer, g.peer);
    }
  }
}

TEST(proxy_protocol, refuses_the_rest_as_soon_as_it_shows) {
  struct {
    std::string bytes;
    std::size_t shows; ///< how many bytes it takes
  } const cases[] = {
      {"GET / HTTP/1.1\r\n", 1},
      {"POST / HTTP/1.1\r\n", 2},
      {"PROXY\tTCP4", 6},
      {"proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n", 1},
      {"\r\n\r\nGET", 5},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 51234 80\rx", 40},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 51234 80\n\r\n", 40},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 51234\r\n", 36},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 51234 80 \r\n", 40},
      {"PROXY TCP4 192.0.2.1 10.0.0.1 51234 80 81\r\n", 42},
      {"PROXY  TCP4 192.0.2.1 10.0.0.1 51234 80\r\n", 40},
      {"PROXY TCP4 192.0.2.1  10.0.0.1 51234 80\r\n", 40},
      {"PROXY TCP4 192.0.2.256 10.0.0.1 1 1\r\n", 36},
      {"PROXY TCP4 192.0.2.01 10.0.0.1 1 1\r\n", 35},
      {"PROXY TCP4 ::1 10.0.0.1 1 1\r\n", 28},
      {"PROXY TCP4 10.0.0.1 ::1 1 1\r\n", 28},
      {"PROXY TCP6 10.0.0.1 ::1 1 1\r\n", 28},
      {"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", 32},
      {"PROXY TCP6 [::1] ::1 1 1\r\n", 25},
      {"PROXY TCP4 10.0.0.1 10.0.0.1 65536 1\r\n", 37},
      {"PROXY TCP4 10.0.0.1 10.0.0.1 1 65536\r\n", 37},
      {"PROXY TCP4 10.0.0.1 10.0.0.1 01 1\r\n", 34},
      {"PROXY TCP4 10.0.0.1 10.0.0.1 -1 1\r\n", 34},
      {"PROXY TCP4 10.0.0.1 10.0.0.1  1\r\n", 32},
      {"PROXY UDP4 10.0.0.1 10.0.0.1 1 1\r\n", 33},
      {"PROXY \r\n", 7},
      {"PROXY UNKNOWNS\r\n", 15},
      {"PROXY UNKNOWN" + std::string(93, ' ') + "\r\n", 107}, // 108 bytes
      {"PROXY UNKNOWN" + std::string(10'000, ' ') + "\r\n", 107},
      {signature.substr(0, 11) + "\r", 12},
      {v2(0x11, 0x11, v4_addresses), 13},
      {v2(0x22, 0x11, v4_addresses), 13},
      {v2(0x31, 0x11, v4_addresses), 13},
      {v2(0x21, 0x11, v4_addresses.substr(1)), 27},
      {v2(0x21, 0x21, v6_addresses.substr(1)), 51},
      {v2(0x21, 0x31, std::string(215, 'p')), 231},
      {v2(0x21, 0x12, v4_addresses), 28}, // datagrams
      {v2(0x21, 0x41, v4_addresses), 28},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(testing::PrintToString(c.bytes));
    for (std::size_t n = 0; n <= c.bytes.size(); ++n) {
      http::proxy_header out;
      antiphon::error_code ec;
      const auto got = http::parse_proxy_header(std::string_view(c.bytes).substr(0, n), out, ec);
      ASSERT_EQ(got, n < c.shows ? result::more : result::failed) << n;
      if (got == result::failed) {
        EXPECT_EQ(ec, http::error::bad_proxy_header);
      }
    }
  }
}

TEST(proxy_protocol, version_2_is_limited) {
  const auto parse = [](std::size_t size, std::size_t limit) {
    http::proxy_header out;
    antiphon::error_code ec;
    const auto header = v2(0x21, 0x11, v4_addresses + std::string(size - 28, 't'));
    const auto got = http::parse_proxy_header(std::string_view(header).substr(0, 16), out, ec, limit);
    if (got == result::failed) {
      EXPECT_EQ(ec, http::error::proxy_header_too_large);
    }
    return got;
  };
  EXPECT_EQ(parse(100, 100), result::more);
  EXPECT_EQ(parse(101, 100), result::failed);
  EXPECT_EQ(parse(10'000, 100), result::failed);
  EXPECT_EQ(parse(4096, 4096), result::more);
  EXPECT_EQ(parse(65'000, 4096), result::failed);
}

} // namespace
