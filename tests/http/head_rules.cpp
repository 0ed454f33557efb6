// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/head_rules.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace http = antiphon::http;
using http::error;
using http::detail::field_facts;

struct rules {
  rules() { facts.known = &known; }

  http::detail::known_host known;
  error why{};
  field_facts facts;
  http::head_framing framing;
  http::head_fields fields;
};

/// Takes field lines apart and reads them.
template <bool Request = true>
rules read(std::string_view lines, std::uint8_t minor = 1) {
  const std::vector<char> text(lines.begin(), lines.end()); // the sanitizers watch its end
  rules out;
  for (std::uint32_t at = 0; at < lines.size();) {
    const auto end = static_cast<std::uint32_t>(lines.find('\r', at));
    out.fields.fields[out.fields.count++] = {at, end - at, 0, 0};
    at = end + 2;
  }
  out.why = http::detail::field_lines_error(text.data(), out.fields);
  if (out.why == error{})
    out.why = http::detail::read_fields<Request>(text.data(), text.data() + text.size(), out.fields, minor, out.facts,
                                                 out.framing);
  return out;
}

TEST(known_host, is_the_one_that_was_kept_and_no_other) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string host(size, 'a');
    http::detail::known_host known;
    EXPECT_FALSE(known.is(host)) << size;
    known.keep(host);
    EXPECT_EQ(known.is(host), size >= 8 && size <= 24) << size;
    EXPECT_FALSE(known.is(host + 'a'));
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = host;
      other[i] = ' ';
      EXPECT_FALSE(known.is(other)) << size << ' ' << i;
    }
  }
}

/// The colon is found eight bytes at a time, and never beyond the end of what may be read.
TEST(head_rules, finds_the_colon_as_a_plain_loop_does) {
  for (std::size_t size = 0; size < 30; ++size)
    for (std::size_t colon = 0; colon <= size; ++colon)
      for (std::size_t more = 0; more < 12; ++more)
        for (const char other : {'a', '9', ';', '\xba', '\x3b'}) {
          std::vector<char> text(size + more, other);
          if (colon < text.size()) text[colon] = ':';
          const char* const p = text.data();
          EXPECT_EQ(http::detail::find_colon(p, p + size, p + text.size()) - p,
                    static_cast<std::ptrdiff_t>(std::min(colon, size)));
        }
}

TEST(head_rules, compares_words_without_case) {
  EXPECT_TRUE(http::detail::same_word("HoSt", "host"));
  EXPECT_FALSE(http::detail::same_word("hosu", "host"));
  EXPECT_TRUE(http::detail::same_word("ExPeCt", "expect"));
  EXPECT_TRUE(http::detail::same_word("Content-LENGTH", "content-length"));
  EXPECT_TRUE(http::detail::same_word("TRANSFER-encoding", "transfer-encoding"));
  const std::string word = "transfer-encoding";
  for (std::size_t i = 0; i < word.size(); ++i)
    for (int c = 0x20; c < 0x7f; ++c) {
      std::string other = word;
      other[i] = static_cast<char>(c);
      EXPECT_EQ(http::detail::same_word(other.data(), "transfer-encoding"), http::iequals(other, word)) << other;
    }
}

TEST(head_rules, hosts) {
  for (const auto* good :
       {"a", "a.example", "192.0.2.1", "a:1", "a:8080", "a:65535", "[::1]", "[::1]:80", "a-b_c~d", "a%20b", "a!b"})
    EXPECT_TRUE(http::detail::is_host(good)) << good;
  for (const auto* bad :
       {"", ":", "a:", ":80", "a:65536", "a:8o", "a b", "a/", "a@b", "[::1", "::1", "a:80:80", "a%2", "\xc3\xa4"})
    EXPECT_FALSE(http::detail::is_host(bad)) << bad;
}

TEST(head_rules, transfer_codings) {
  using http::detail::coding_error;
  EXPECT_EQ(coding_error("chunked"), error{});
  EXPECT_EQ(coding_error("ChUnKeD"), error{});
  EXPECT_EQ(coding_error("chunked, chunked"), error::repeated_transfer_coding);
  EXPECT_EQ(coding_error("gzip, chunked"), error::unsupported_transfer_coding);
  EXPECT_EQ(coding_error("gzip;q=\"a,b\", chunked"), error::unsupported_transfer_coding);
  EXPECT_EQ(coding_error("chunked, gzip"), error::bad_transfer_coding);
  for (const auto* bad :
       {"", ",", "chunked,", ",chunked", "chunked;a=b", "chunked ;", "\"chunked\"", "chun ked", "a b, chunked"})
    EXPECT_EQ(coding_error(bad), error::bad_transfer_coding) << bad;
}

TEST(head_rules, framing) {
  EXPECT_EQ(read("Content-Length: 17\r\n").framing.content_length, 17U);
  EXPECT_TRUE(read("Content-Length: 0\r\n").framing.has_length);
  EXPECT_TRUE(read("Transfer-Encoding: chunked\r\n").framing.chunked);
  EXPECT_EQ(read("Content-Length: 18446744073709551615\r\n").framing.content_length, ~std::uint64_t{0});
  EXPECT_EQ(read("Content-Length: 18446744073709551616\r\n").why, error::bad_content_length);
  EXPECT_EQ(read("Content-Length: 1, 1\r\n").why, error::repeated_content_length);
  EXPECT_EQ(read("Content-Length: 1\r\nContent-length: 1\r\n").why, error::repeated_content_length);
  EXPECT_EQ(read("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n").why, error::conflicting_lengths);
  EXPECT_EQ(read("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n").why, error::conflicting_lengths);
  EXPECT_EQ(read("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").why, error::repeated_transfer_coding);
  EXPECT_EQ(read("Transfer-Encoding: chunked\r\n", 0).why, error::transfer_coding_in_http_1_0);
}

TEST(head_rules, keep_alive) {
  EXPECT_TRUE(read("").framing.keep_alive);
  EXPECT_FALSE(read("", 0).framing.keep_alive);
  EXPECT_TRUE(read("Connection: keep-alive\r\n", 0).framing.keep_alive);
  EXPECT_TRUE(read("Connection: x, KEEP-alive\r\n", 0).framing.keep_alive);
  EXPECT_FALSE(read("Connection: close\r\n").framing.keep_alive);
  EXPECT_FALSE(read("Connection: keep-alive, close\r\n").framing.keep_alive);
  EXPECT_FALSE(read("Connection: close\r\nConnection: keep-alive\r\n").framing.keep_alive);
  EXPECT_FALSE(read("Connection: keep-alive\r\nConnection: close\r\n", 0).framing.keep_alive);
  EXPECT_TRUE(read("Connection: closed\r\n").framing.keep_alive);
  EXPECT_TRUE(read("Connection:\r\n").framing.keep_alive);
}

TEST(head_rules, upgrade_needs_both_fields_and_http_1_1) {
  EXPECT_TRUE(read("Upgrade: x\r\nConnection: a, upgrade\r\n").framing.upgrade);
  EXPECT_FALSE(read("Upgrade: x\r\nConnection: a, upgrade\r\n", 0).framing.upgrade);
  EXPECT_FALSE(read("Upgrade: x\r\n").framing.upgrade);
  EXPECT_FALSE(read("Connection: upgrade\r\n").framing.upgrade);
  EXPECT_FALSE(read("Upgrade:\r\nConnection: upgrade\r\n").framing.upgrade);
}

TEST(head_rules, host_and_expect_are_for_requests) {
  EXPECT_EQ(read("Host: a\r\nHost: a\r\n").why, error::repeated_host);
  EXPECT_EQ(read("Host: a b\r\n").why, error::bad_host);
  EXPECT_EQ(read<false>("Host: a\r\nHost: a b\r\n").why, error{});
  EXPECT_TRUE(read("Expect: 100-Continue\r\n").facts.expect_continue);
  EXPECT_TRUE(read("Expect: tea\r\n").facts.bad_expect);
  EXPECT_TRUE(read("Expect: 100-continue\r\nExpect: tea\r\n").facts.bad_expect);
  EXPECT_FALSE(read<false>("Expect: tea\r\n").facts.bad_expect);
}

TEST(head_rules, trims_values) {
  const std::string_view lines = "A: \t b c \t \r\nD:\r\nE:  \r\n";
  const auto out = read(lines);
  EXPECT_EQ(out.fields.value(lines.data(), out.fields.fields[0]), "b c");
  EXPECT_EQ(out.fields.value(lines.data(), out.fields.fields[1]), "");
  EXPECT_EQ(out.fields.value(lines.data(), out.fields.fields[2]), "");
}

TEST(head_rules, names_bad_lines) {
  EXPECT_EQ(read("A\r\n").why, error::bad_field_line);
  EXPECT_EQ(read("A : b\r\n").why, error::space_before_colon);
  EXPECT_EQ(read("A\t: b\r\n").why, error::space_before_colon);
  EXPECT_EQ(read(": b\r\n").why, error::bad_field_name);
  EXPECT_EQ(read("A B: b\r\n").why, error::bad_field_name);
  EXPECT_EQ(read("A: b\r\n(: b\r\n").why, error::bad_field_name);
}

} // namespace
