// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/from_payload.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quotes {

struct quote {
  std::string text;
};
inline bool from_payload(const antiphon::payload& p, quote& to) {
  to.text = p.bytes();
  return p.type() == antiphon::json_type;
}
struct silent {};

} // namespace quotes

namespace {

namespace ap = antiphon;

template <class T>
std::optional<T> read(std::string_view bytes, std::string_view type = ap::json_type) {
  return ap::read_payload<T>(ap::payload::view_of(bytes, type));
}

TEST(from_payload, gives_text_and_bytes_as_they_are) {
  const std::string_view any("a\0\xff\n", 4);
  EXPECT_EQ(read<std::string>(any), any);
  EXPECT_EQ(read<std::string>(""), "");
  const auto buffer = read<ap::shared_buffer>(any);
  ASSERT_TRUE(buffer);
  EXPECT_EQ(buffer->view(), any);
}

TEST(from_payload, reads_numbers_and_nothing_else) {
  EXPECT_EQ(read<int>("-7"), -7);
  EXPECT_EQ(read<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read<unsigned char>("255"), 255);
  EXPECT_EQ(read<double>("0.25"), 0.25);
  EXPECT_EQ(read<double>("1e300"), 1e300);
  EXPECT_EQ(read<float>("-3"), -3.0F);
  for (const char* none :
       {"", " ", "7 ", " 7", "+7", "7\n", "0x7", "7.5", "1e2", "seven", "\"7\"", "null", "--7", "2147483648"})
    EXPECT_EQ(read<int>(none), std::nullopt) << none;
  for (const char* none : {"256", "-1"}) EXPECT_EQ(read<unsigned char>(none), std::nullopt) << none;
  for (const char* none : {"", "1.5x", "1e999", "one", "null"}) EXPECT_EQ(read<double>(none), std::nullopt) << none;
}

TEST(from_payload, is_what_to_payload_is_the_other_way_round) {
  const auto there_and_back = [](const auto& value) {
    using ap::to_payload;
    return ap::read_payload<std::decay_t<decltype(value)>>(to_payload(value)) == value;
  };
  EXPECT_TRUE(there_and_back(std::string("text")));
  for (const int n : {0, -1, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()})
    EXPECT_TRUE(there_and_back(n)) << n;
  for (const double d :
       {0.0, 0.1, 1e-300, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()})
    EXPECT_TRUE(there_and_back(d)) << d;
}

TEST(from_payload, of_a_type_of_the_program_is_found_beside_it) {
  const auto good = read<quotes::quote>("q");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->text, "q");
  EXPECT_FALSE(read<quotes::quote>("q", ap::text_type));
}

TEST(from_payload, only_what_has_one_can_be_read) {
  static_assert(ap::payload_readable<std::string> && ap::payload_readable<ap::shared_buffer>);
  static_assert(ap::payload_readable<int> && ap::payload_readable<double> && ap::payload_readable<quotes::quote>);
  static_assert(!ap::payload_readable<quotes::silent> && !ap::payload_readable<bool>);
  static_assert(!ap::payload_readable<std::vector<int>>);
}

} // namespace
