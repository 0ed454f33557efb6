// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/payload.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quotes {

struct quote {
  std::string text;
};
antiphon::payload to_payload(const quote& q) { return antiphon::payload::of('"' + q.text + '"', antiphon::json_type); }
struct silent {};

} // namespace quotes

namespace {

namespace ap = antiphon;

std::string bytes_of(const auto& value) {
  using ap::to_payload;
  return std::string(to_payload(value).bytes());
}

TEST(payload, owns_its_bytes_or_looks_at_the_messages) {
  const std::string message = "words";
  const auto view = ap::payload::view_of(message, ap::text_type);
  EXPECT_EQ(view.bytes().data(), message.data());
  EXPECT_EQ(view.type(), "text/plain; charset=utf-8");
  auto own = ap::payload::of("x", ap::json_type); // short: its bytes move with it
  const auto copy = own;
  const auto moved = std::move(own);
  EXPECT_EQ(copy.bytes(), "x");
  EXPECT_EQ(moved.bytes(), "x");
  EXPECT_NE(copy.bytes().data(), moved.bytes().data());
  EXPECT_EQ(ap::payload::of("", ap::bytes_type).bytes(), "");
}

TEST(payload, is_made_of_text_bytes_numbers_and_types_of_the_program) {
  const std::string text = "a\nb";
  EXPECT_EQ(ap::to_payload(text).bytes().data(), text.data()) << "a view";
  const ap::shared_buffer buffer(std::string("\0\1", 2));
  EXPECT_EQ(ap::to_payload(buffer).bytes().data(), buffer.view().data());
  EXPECT_EQ(ap::to_payload(buffer).type(), "application/octet-stream");
  EXPECT_EQ(ap::to_payload(7).type(), "application/json");
  EXPECT_EQ(bytes_of(-7), "-7");
  EXPECT_EQ(bytes_of(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(bytes_of(0.5), "0.5");
  EXPECT_LE(bytes_of(std::numeric_limits<double>::denorm_min()).size(), 64U);
  EXPECT_EQ(std::stod(bytes_of(std::numeric_limits<double>::lowest())), std::numeric_limits<double>::lowest());
  EXPECT_EQ(bytes_of(quotes::quote{"q"}), "\"q\"");
}

TEST(payload, only_what_has_one_can_be_sent) {
  static_assert(ap::has_payload<std::string> && ap::has_payload<ap::shared_buffer>);
  static_assert(ap::has_payload<int> && ap::has_payload<double> && ap::has_payload<quotes::quote>);
  static_assert(!ap::has_payload<quotes::silent> && !ap::has_payload<bool> && !ap::has_payload<std::vector<int>>);
}

TEST(payload, weighs_what_owns_memory) {
  using ap::weight;
  EXPECT_EQ(weight(std::string(1'000, 'x')), 1'000U);
  EXPECT_EQ(weight(ap::shared_buffer(std::string(10, 'x'))), 10U);
}

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
