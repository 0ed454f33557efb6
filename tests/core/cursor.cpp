// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/cursor.hpp>
#include <antiphon/core/position.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

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

TEST(event_id, is_ordered_by_its_first_number_first) {
  EXPECT_LT((ap::event_id{1, 9}), (ap::event_id{2, 0}));
  EXPECT_LT((ap::event_id{1, 8}), (ap::event_id{1, 9}));
  EXPECT_EQ(ap::parse_event_id("1-9"), (ap::event_id{1, 9}));
  EXPECT_FALSE(ap::parse_event_id("1-9x"));
}

TEST(position, says_what_it_is) {
  EXPECT_EQ(ap::position::now.what(), ap::position::kind::now);
  EXPECT_EQ(ap::position::oldest.what(), ap::position::kind::oldest);
  EXPECT_EQ(ap::position::latest.what(), ap::position::kind::latest);
  EXPECT_EQ(ap::position::after({5, {0, 6}}).last_seen(), (ap::cursor{5, {0, 6}}));
}

} // namespace
