// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/head_scanner.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace http = antiphon::http;
using http::error;
using http::parse_result;
using namespace std::string_literals;

/// Takes any line that does not begin with '!', but for "bad".
struct any_line {
  static constexpr bool after_empty_line = true;
  static constexpr error bad = error::bad_request_line;
  static constexpr error too_long = error::uri_too_long;
  error begins(std::string_view part) const { return part.substr(0, 1) == "!" ? error::bad_method : error{}; }
  error take(const char* base, std::uint32_t at, std::uint32_t size) {
    return begins({base + at, size}) != error{}         ? error::bad_method
           : std::string_view(base + at, size) == "bad" ? error::bad_target
                                                        : error{};
  }
};

/// A scanner with its start line.
struct scanner : http::detail::head_scanner {
  using head_scanner::head_scanner;
  parse_result scan(std::string_view block, error& why) { return head_scanner::scan(block, line, fields, extent, why); }
  any_line line;
  http::head_fields fields;
  http::detail::head_extent extent{};
};

struct outcome {
  parse_result result;
  error why;
  std::uint32_t size;
  std::uint32_t lines;
  bool tab;
  friend bool operator==(const outcome&, const outcome&) = default;
  friend std::ostream& operator<<(std::ostream& out, const outcome& o) {
    return out << "result " << static_cast<int>(o.result) << " error " << static_cast<int>(o.why) << " size " << o.size
               << " lines " << o.lines;
  }
};

/// Scans a block that grows by `step` bytes, and moves each time.
outcome scan(std::string_view input, std::size_t step, const http::head_limits& limits = {}) {
  scanner s(limits);
  outcome out{parse_result::more, error{}, 0, 0, false};
  for (std::size_t size = std::min(step, input.size());; size = std::min(size + step, input.size())) {
    const std::vector<char> block(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
    out.result = s.scan({block.data(), block.size()}, out.why);
    if (out.result != parse_result::more || size == input.size()) break;
  }
  if (out.result == parse_result::done) out = {out.result, out.why, s.extent.size, s.extent.lines, s.extent.has_tab};
  return out;
}

outcome scan_all(std::string_view input, const http::head_limits& limits = {}) {
  const auto whole = scan(input, input.size() + 1, limits);
  for (std::size_t step = 1; step < 18 && step < input.size(); ++step)
    EXPECT_EQ(scan(input, step, limits), whole) << "step " << step << ": " << input;
  return whole;
}

TEST(head_scanner, finds_control_bytes_as_a_plain_loop_does) {
  std::mt19937 random(7);
  std::string text(100, 'x');
  for (int round = 0; round < 20000; ++round) {
    for (char& c : text) {
      const auto pick = random();
      c = pick % 16 == 0 ? static_cast<char>(pick >> 8) : static_cast<char>(0x20 + (pick >> 8) % 0x5f);
    }
    const auto begin = random() % 50;
    const auto end = begin + random() % 50;
    auto expected = begin;
    while (expected < end && static_cast<unsigned char>(text[expected]) >= 0x20 && text[expected] != 0x7f) ++expected;
    for (const auto find : {http::detail::find_control, http::detail::find_control_in_words}) {
      const auto* found = find(text.data() + begin, text.data() + end);
      ASSERT_EQ(static_cast<std::size_t>(found - text.data()), expected);
    }
  }
}

TEST(head_scanner, knows_every_byte) {
  for (int c = 0; c < 256; ++c)
    for (std::size_t place = 0; place < 16; ++place)
      for (const auto find : {http::detail::find_control, http::detail::find_control_in_words}) {
        std::string text(16, 'a');
        text[place] = static_cast<char>(c);
        const bool control = c < 0x20 || c == 0x7f;
        const auto* found = find(text.data(), text.data() + text.size());
        ASSERT_EQ(static_cast<std::size_t>(found - text.data()), control ? place : text.size()) << c;
      }
}

TEST(head_scanner, finds_the_end) {
  EXPECT_EQ(scan_all("GET\r\n\r\n"), (outcome{parse_result::done, error{}, 7, 0, false}));
  EXPECT_EQ(scan_all("GET\r\nA: b\r\nC: d\r\n\r\nrest"), (outcome{parse_result::done, error{}, 19, 2, false}));
  EXPECT_EQ(scan_all("GET\r\nA:\tb\r\n\r\n"), (outcome{parse_result::done, error{}, 13, 1, true}));
  EXPECT_EQ(scan_all("\r\nGET\r\n\r\n"), (outcome{parse_result::done, error{}, 9, 0, false}));
}

TEST(head_scanner, wants_more) {
  const std::string head = "\r\nGET\r\nA: b\r\nC: d\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size)
    EXPECT_EQ(scan_all(head.substr(0, size)).result, parse_result::more) << size;
}

TEST(head_scanner, begins_anew_after_each_head) {
  scanner s{http::head_limits{}};
  error why{};
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(s.scan("\r\nGET\r\nA:\tb\r\n", why), parse_result::more);
    ASSERT_EQ(s.scan("\r\nGET\r\nA:\tb\r\n\r\n", why), parse_result::done);
    EXPECT_TRUE(s.idle());
    EXPECT_EQ(s.extent.skipped, 2U);
    EXPECT_TRUE(s.extent.has_tab);
    ASSERT_EQ(s.scan("GET\r\nA: b\r\n\r\n", why), parse_result::done);
    EXPECT_EQ(s.extent.skipped, 0U);
    EXPECT_EQ(s.extent.lines, 1U);
    EXPECT_FALSE(s.extent.has_tab);
  }
}

TEST(head_scanner, is_idle_until_a_message_begins) {
  scanner s{http::head_limits{}};
  error why{};
  EXPECT_TRUE(s.idle());
  s.scan("\r", why);
  s.scan("\r\n", why);
  EXPECT_TRUE(s.idle());
  s.scan("\r\nG", why);
  EXPECT_FALSE(s.idle());
  s.reset();
  EXPECT_TRUE(s.idle());
}

struct refusal {
  std::string input;
  error why;
};

TEST(head_scanner, refuses_by_name) {
  const refusal cases[] = {
      {"\rGET\r\n", error::bare_cr},
      {"\nGET\r\n", error::bare_lf},
      {"GET\rA: b\r\n\r\n", error::bare_cr},
      {"GET\nA: b\r\n\r\n", error::bare_lf},
      {"GE\0T\r\n"s, error::nul_byte},
      {"GE\x01T\r\n", error::bad_request_line},
      {"GE\x7fT\r\n", error::bad_request_line},
      {"!GE\0T\r\n"s, error::bad_method},
      {"!GET\rX", error::bad_method},
      {"!GET", error::bad_method},
      {"bad\r\nA\0"s, error::bad_target},
      {"GET\r\n A: b\r\n", error::space_before_field},
      {"GET\r\n\tA: b\r\n", error::space_before_field},
      {"GET\r\nA: b\r\n c\r\n", error::obs_fold},
      {"GET\r\nA: b\r\n\tc\r\n", error::obs_fold},
      {"GET\r\nA: b\n\r\n", error::bare_lf},
      {"GET\r\nA: b\r\n\n", error::bare_lf},
      {"GET\r\nA: b\r\n\rX", error::bare_cr},
      {"GET\r\nA: b\rC: d\r\n\r\n", error::bare_cr},
      {"GET\r\nA: \0\r\n"s, error::nul_byte},
      {"GET\r\nA: \x0b\r\n", error::bad_field_value},
      {"GET\r\nA: \x7f\r\n", error::bad_field_value},
  };
  for (const auto& c : cases) {
    const auto out = scan_all(c.input);
    EXPECT_EQ(out.result, parse_result::failed) << c.input;
    EXPECT_EQ(out.why, c.why) << c.input;
  }
}

http::head_limits small_limits() {
  http::head_limits limits;
  limits.start_line = 20;
  limits.header_bytes = 60;
  limits.one_field = 30;
  limits.fields = 3;
  return limits;
}

TEST(head_scanner, start_line_limit) {
  const auto limits = small_limits();
  EXPECT_EQ(scan_all(std::string(20, 'a') + "\r\n\r\n", limits).result, parse_result::done);
  EXPECT_EQ(scan_all("\r\n" + std::string(20, 'a') + "\r\n\r\n", limits).result, parse_result::done);
  EXPECT_EQ(scan_all(std::string(21, 'a') + "\r\n\r\n", limits).why, error::uri_too_long);
  EXPECT_EQ(scan_all("\r\n" + std::string(21, 'a') + "\r\n\r\n", limits).why, error::uri_too_long);
  EXPECT_EQ(scan_all(std::string(2000, 'a'), limits).why, error::uri_too_long);
  EXPECT_EQ(scan_all(std::string(20, 'a') + "\t\r\n\r\n", limits).why, error::uri_too_long);
  EXPECT_EQ(scan_all(std::string(21, 'a') + std::string(1, '\0'), limits).why, error::uri_too_long);
  EXPECT_EQ(scan_all(std::string(20, 'a') + std::string(1, '\0'), limits).why, error::nul_byte);
}

TEST(head_scanner, one_field_limit) {
  const auto limits = small_limits();
  EXPECT_EQ(scan_all("G\r\n" + std::string(30, 'a') + "\r\n\r\n", limits).result, parse_result::done);
  EXPECT_EQ(scan_all("G\r\n" + std::string(31, 'a') + "\r\n\r\n", limits).why, error::field_too_large);
  EXPECT_EQ(scan_all("G\r\n" + std::string(30, 'a') + "\t\r\n\r\n", limits).why, error::field_too_large);
  EXPECT_EQ(scan_all("G\r\nA: b\r\n" + std::string(31, 'a') + "\r\n\r\n", limits).why, error::field_too_large);
  EXPECT_EQ(scan_all("G\r\n" + std::string(3000, 'a'), limits).why, error::field_too_large);
}

TEST(head_scanner, header_bytes_limit) {
  auto limits = small_limits();
  const std::string line = std::string(26, 'a') + "\r\n"; // 28 bytes
  EXPECT_EQ(scan_all("G\r\n" + line + line + "ab\r\n" + "\r\n", limits).why, error::head_too_large);
  EXPECT_EQ(scan_all("G\r\n" + line + line + "\r\n", limits).result, parse_result::done);
  EXPECT_EQ(scan_all("G\r\n" + line + std::string(28, 'a') + "\r\n\r\n", limits).result, parse_result::done) << "60";
  EXPECT_EQ(scan_all("G\r\n" + line + std::string(29, 'a') + "\r\n\r\n", limits).why, error::head_too_large) << "61";
  limits.fields = 100;
  std::string many = "G\r\n";
  for (int i = 0; i < 1000; ++i) many += "A: b\r\n";
  EXPECT_EQ(scan_all(many, limits).why, error::head_too_large);
}

TEST(head_scanner, fields_limit) {
  const auto limits = small_limits();
  EXPECT_EQ(scan_all("G\r\na:b\r\na:b\r\na:b\r\n\r\n", limits).result, parse_result::done);
  EXPECT_EQ(scan_all("G\r\na:b\r\na:b\r\na:b\r\na:b\r\n\r\n", limits).why, error::too_many_fields);
  http::head_limits more;
  more.fields = 1000;
  std::string many = "G\r\n";
  for (int i = 0; i < 101; ++i) many += "a:b\r\n";
  EXPECT_EQ(scan_all(many, more).why, error::too_many_fields) << "there is room for 100 only";
}

TEST(head_scanner, limits_may_be_absurd) {
  http::head_limits none{0, 0, 0, 0};
  EXPECT_EQ(scan_all("G\r\n\r\n", none).why, error::uri_too_long);
  none.start_line = 10;
  EXPECT_EQ(scan_all("G\r\n\r\n", none).result, parse_result::done) << "the empty line always fits";
  EXPECT_EQ(scan_all("G\r\na:b\r\n\r\n", none).why, error::head_too_large);
  const http::head_limits most{~0U, ~0U, ~0U, ~0U};
  EXPECT_EQ(scan_all("G\r\na:b\r\n\r\n", most).result, parse_result::done);
}

TEST(head_scanner, looks_at_a_byte_once) {
  // A head that comes byte by byte costs time in its size, not in its square: what was scanned may change unseen.
  scanner s{http::head_limits{}};
  error why{};
  std::string block = "GET\r\nA: bbbbbbbbbb";
  EXPECT_EQ(s.scan(block, why), parse_result::more);
  block[10] = '\0';
  block += "\r\n\r\n";
  EXPECT_EQ(s.scan(block, why), parse_result::done);
}

} // namespace
