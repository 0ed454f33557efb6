// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/event_id.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace {

namespace ap = antiphon;
constexpr auto most = std::numeric_limits<std::uint64_t>::max();

TEST(event_id, is_ordered_by_its_first_number_first) {
  EXPECT_LT((ap::event_id{1, 9}), (ap::event_id{2, 0}));
  EXPECT_LT((ap::event_id{1, 8}), (ap::event_id{1, 9}));
  EXPECT_EQ((ap::event_id{1, 9}), (ap::event_id{1, 9}));
}

TEST(event_id, is_printed_and_parsed) {
  for (const auto a : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{10}, most - 1, most})
    for (const auto b : {std::uint64_t{0}, std::uint64_t{9}, most}) {
      const ap::event_id id{a, b};
      EXPECT_EQ(to_string(id), std::to_string(a) + '-' + std::to_string(b));
      EXPECT_EQ(ap::parse_event_id(to_string(id)), id);
    }
  EXPECT_EQ(to_string(ap::event_id{most, most}).size(), 41U) << "the room that put_id() asks for";
}

TEST(event_id, is_not_parsed_from_anything_else) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv,
                          "-"sv,
                          "1"sv,
                          "1-"sv,
                          "-1"sv,
                          "--"sv,
                          "1--2"sv,
                          "1-2-"sv,
                          "1-2-3"sv,
                          "1-9x"sv,
                          "x1-9"sv,
                          "+1-9"sv,
                          "1-+9"sv,
                          "1--9"sv,
                          " 1-9"sv,
                          "1 -9"sv,
                          "1- 9"sv,
                          "1-9 "sv,
                          "\t1-9"sv,
                          "1-9\n"sv,
                          "01-9"sv,
                          "1-09"sv,
                          "00-0"sv,
                          "0-00"sv,
                          "0x1-9"sv,
                          "1e1-9"sv,
                          "1.0-9"sv,
                          "a-f"sv,
                          "1-9\0"sv,
                          "\0001-9"sv,
                          "18446744073709551616-0"sv,
                          "0-18446744073709551616"sv,
                          "0-99999999999999999999"sv,
                          "0-100000000000000000000"sv})
    EXPECT_FALSE(ap::parse_event_id(text)) << text;
  EXPECT_EQ(ap::parse_event_id("18446744073709551615-18446744073709551615"), (ap::event_id{most, most}));
}

TEST(event_id, takes_a_number_off_the_front) {
  std::string_view text = "120x";
  EXPECT_EQ(ap::detail::take_number(text), 120U);
  EXPECT_EQ(text, "x");
  EXPECT_FALSE(ap::detail::take_number(text));
  EXPECT_EQ(text, "x") << "what is no number stays";
}

} // namespace
