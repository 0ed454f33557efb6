// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/cursor.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>

namespace {

namespace ap = antiphon;
constexpr auto most = std::numeric_limits<std::uint64_t>::max();

TEST(cursor, is_printed_and_parsed) {
  EXPECT_EQ(to_string(ap::cursor{0x0123456789abcdef, {7, 42}}), "0123456789abcdef.7-42");
  EXPECT_EQ(to_string(ap::cursor{}), "0000000000000000.0-0");
  std::mt19937_64 random(7);
  for (int i = 0; i < 2'000; ++i) {
    const auto shift = static_cast<int>(random() % 64);
    const ap::cursor c{random() >> shift, {random() >> shift, random() >> shift}};
    EXPECT_EQ(ap::parse_cursor(to_string(c)), c);
  }
  const ap::cursor last{most, {most, most}};
  EXPECT_EQ(to_string(last).size(), ap::detail::max_cursor_size);
  EXPECT_EQ(ap::parse_cursor(to_string(last)), last);
}

TEST(cursor, is_not_parsed_from_anything_else) {
  for (const char* text : {"",
                           ".",
                           "0-1",
                           "0123456789abcdef",
                           "0123456789abcdef.",
                           "0123456789abcdef.1",
                           "0123456789abcdef.1-",
                           "0123456789abcdef.-1",
                           "0123456789abcdef.1-2-3",
                           "0123456789abcdeF.1-2",
                           "0123456789abcdeg.1-2",
                           "0123456789abcde.1-2",
                           "00123456789abcdef.1-2",
                           "0123456789abcdef.01-2",
                           "0123456789abcdef.1-02",
                           "0123456789abcdef.+1-2",
                           "0123456789abcdef.1- 2",
                           " 0123456789abcdef.1-2",
                           "0123456789abcdef.1-2 ",
                           "0123456789abcdef.18446744073709551616-0",
                           "0123456789abcdef.0-18446744073709551616",
                           "0123456789abcdef.0-99999999999999999999",
                           "0123456789abcdef.0x1-2",
                           "0123456789abcdef,1-2"})
    EXPECT_FALSE(ap::parse_cursor(text)) << text;
}

TEST(cursor, has_one_text) {
  const std::string good = "0123456789abcdef.10-29";
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[i] = static_cast<char>(byte);
      if (const auto c = ap::parse_cursor(text)) {
        EXPECT_EQ(to_string(*c), text);
      }
    }
  }
}

TEST(cursor, every_beginning_of_one_is_refused_or_is_another) {
  const std::string good = "0123456789abcdef.10-290";
  for (std::size_t n = 0; n < good.size(); ++n) {
    const auto c = ap::parse_cursor(std::string_view(good).substr(0, n));
    EXPECT_EQ(c.has_value(), n > good.size() - 3) << n; // the digits of the last number may end early
    if (c) {
      EXPECT_EQ(to_string(*c), good.substr(0, n));
    }
  }
  for (int byte = 0; byte < 256; ++byte) // a byte more
    EXPECT_EQ(ap::parse_cursor(good + static_cast<char>(byte)).has_value(), byte >= '0' && byte <= '9') << byte;
}

TEST(cursor, a_byte_that_is_changed_makes_another_or_none) {
  const std::string good = "0123456789abcdef.10-29";
  const auto as_it_was = ap::parse_cursor(good);
  int others = 0;
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[i] = static_cast<char>(byte);
      if (text == good) continue;
      const auto c = ap::parse_cursor(text);
      EXPECT_NE(c, as_it_was) << text;
      others += c.has_value();
    }
  // 15 for each digit of the tag, 8 for a first digit that must not be zero, 9 for another.
  EXPECT_EQ(others, 16 * 15 + 8 + 9 + 8 + 9);
}

} // namespace
