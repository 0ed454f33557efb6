// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/payload.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

namespace ap = antiphon;

TEST(payload, of_numbers_is_json) {
  using ap::to_payload;
  EXPECT_EQ(to_payload(-7).bytes(), "-7");
  EXPECT_EQ(to_payload(0.25).bytes(), "0.25");
  EXPECT_EQ(to_payload(1).type(), ap::json_type);
  for (const double none : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(to_payload(none).bytes(), "null") << "JSON has no such number";
    EXPECT_EQ(to_payload(static_cast<float>(none)).bytes(), "null");
    EXPECT_EQ(to_payload(none).type(), ap::json_type);
  }
}

TEST(payload, may_have_a_name_of_one_line) {
  const auto named = ap::payload::of("1", ap::json_type).name("price");
  EXPECT_EQ(named.name(), "price");
  EXPECT_EQ(named.bytes(), "1");
  EXPECT_EQ(ap::payload::of("1", ap::json_type).name(), "");
  auto p = ap::payload::view_of("1", ap::json_type);
  for (const char* bad : {"a\nb", "a\rb", "\n"}) EXPECT_THROW(p.name(bad), std::invalid_argument);
  EXPECT_EQ(p.name(), "") << "what was refused is not kept";
  EXPECT_EQ(p.name("x").name(), "x");
}

template <class Name>
concept takes_name = requires(ap::payload& p, Name&& name) {
  p.name(std::forward<Name>(name));
};
static_assert(takes_name<const char*> && takes_name<const std::string&> && takes_name<std::string&>);
static_assert(!takes_name<std::string>, "a temporary name would be gone before it is sent");

} // namespace
