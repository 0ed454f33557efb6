// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/fields.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using antiphon::http::fields;

static_assert(std::is_nothrow_default_constructible_v<fields>);
static_assert(std::is_nothrow_move_constructible_v<fields>);
static_assert(std::ranges::forward_range<fields>);
static_assert(std::ranges::forward_range<fields::named_range>);

std::string why(const auto& change) {
  try {
    change();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(fields, keeps_the_wire_form) {
  fields f;
  EXPECT_EQ(f.wire(), "");
  f.add("Host", "example.com");
  f.add("X-Empty", "");
  EXPECT_EQ(f.wire(), "Host: example.com\r\nX-Empty: \r\n");
  EXPECT_EQ(f.size(), 2u);
  EXPECT_FALSE(f.empty());
  f.clear();
  EXPECT_TRUE(f.empty());
  EXPECT_EQ(f.size(), 0u);
}

TEST(fields, finds_the_first_of_a_name_whatever_its_case) {
  const fields f{{"Accept", "a"}, {"accept", "b"}, {"X", ""}};
  EXPECT_EQ(f.get("ACCEPT"), "a");
  EXPECT_EQ(f.get("x"), "");
  EXPECT_EQ(f.get("y"), std::nullopt);
  EXPECT_EQ(f.get(""), std::nullopt);
  EXPECT_EQ(f.get("Accep"), std::nullopt);
  EXPECT_TRUE(f.contains("aCCept"));
  EXPECT_FALSE(f.contains("a"));
  EXPECT_EQ(fields().get("x"), std::nullopt);
}

TEST(fields, keeps_order_and_repetition) {
  fields f;
  f.add("Set-Cookie", "a=1");
  f.add("Other", "x");
  f.add("set-cookie", "b=2");
  std::vector<std::string> seen;
  for (const auto& [name, value] : f) seen.push_back(std::string(name) + "|" + std::string(value));
  EXPECT_EQ(seen, (std::vector<std::string>{"Set-Cookie|a=1", "Other|x", "set-cookie|b=2"}));
  std::vector<std::string> cookies;
  for (const auto value : f.get_all("SET-COOKIE")) cookies.emplace_back(value);
  EXPECT_EQ(cookies, (std::vector<std::string>{"a=1", "b=2"}));
  EXPECT_TRUE(f.get_all("none").empty());
  EXPECT_EQ(f.joined("Set-Cookie"), "a=1, b=2");
  EXPECT_EQ(f.joined("none"), std::nullopt);
  const fields none;
  EXPECT_TRUE(none.begin() == none.end());
}

TEST(fields, set_replaces_all_of_a_name) {
  fields f{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  f.set("a", "4");
  EXPECT_EQ(f.wire(), "B: 2\r\na: 4\r\n");
  f.set("C", "5");
  EXPECT_EQ(f.wire(), "B: 2\r\na: 4\r\nC: 5\r\n");
}

TEST(fields, erase_tells_how_many) {
  fields f{{"A", "1"}, {"B", "2"}, {"a", "3"}, {"AA", "4"}};
  EXPECT_EQ(f.erase("A"), 2u);
  EXPECT_EQ(f.erase("A"), 0u);
  EXPECT_EQ(f.wire(), "B: 2\r\nAA: 4\r\n");
  EXPECT_EQ(f.erase("aa"), 1u);
  EXPECT_EQ(f.erase("b"), 1u);
  EXPECT_TRUE(f.empty());
}

TEST(fields, space_around_a_value_is_dropped) {
  fields f;
  f.add("A", " \t x y \t");
  f.set("B", "   ");
  EXPECT_EQ(f.wire(), "A: x y\r\nB: \r\n");
}

TEST(fields, a_value_may_hold_colons_and_everything_visible) {
  fields f;
  f.add("Date", "a: b: \"c\"\t\xc3\xa9");
  f.add("Z", "1");
  EXPECT_EQ(f.get("Date"), "a: b: \"c\"\t\xc3\xa9");
  EXPECT_EQ(f.get("z"), "1");
}

TEST(fields, every_byte_is_allowed_or_refused_as_the_standard_says) {
  for (int byte = 0; byte < 256; ++byte) {
    SCOPED_TRACE(byte);
    const std::string text{'a', static_cast<char>(byte), 'b'};
    fields f{{"Kept", "1"}};
    const bool good_value = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    if (good_value) {
      f.add("X", text);
      EXPECT_EQ(f.get("X"), text);
      EXPECT_EQ(f.size(), 2u);
    } else {
      EXPECT_THROW(f.add("X", text), std::invalid_argument);
      EXPECT_THROW(f.set("Kept", text), std::invalid_argument);
      EXPECT_EQ(f.wire(), "Kept: 1\r\n");
    }
    fields g{{"Kept", "1"}};
    if (antiphon::http::is_token(text)) {
      g.add(text, "v");
      EXPECT_EQ(g.get(text), "v");
    } else {
      EXPECT_THROW(g.add(text, "v"), std::invalid_argument);
      EXPECT_THROW(g.set(text, "v"), std::invalid_argument);
      EXPECT_EQ(g.wire(), "Kept: 1\r\n");
    }
  }
  EXPECT_THROW(fields().add("", "v"), std::invalid_argument);
}

TEST(fields, a_refusal_names_the_field_and_what_is_allowed_and_repeats_no_bad_byte) {
  fields f;
  const auto value = why([&] { f.add("X-Name", "a\r\nSet-Cookie: evil"); });
  EXPECT_NE(value.find("X-Name"), std::string::npos) << value;
  EXPECT_NE(value.find("CR, LF, NUL"), std::string::npos) << value;
  const auto name = why([&] { f.add("X\r\nY\xff", "a"); });
  EXPECT_NE(name.find("\"X??Y?\""), std::string::npos) << name;
  EXPECT_NE(name.find("token"), std::string::npos) << name;
  EXPECT_LT(why([&] { f.add(std::string(100'000, '\n'), "a"); }).size(), 200u);
}

TEST(fields, may_be_given_views_of_itself) {
  fields f{{"A", "a value that is longer than a small string"}};
  for (int i = 0; i < 50; ++i) f.add("B", *f.get("A"));
  for (const auto value : f.get_all("B")) ASSERT_EQ(value, "a value that is longer than a small string");
  f.set("A", *f.get("A"));
  EXPECT_EQ(f.get("A"), "a value that is longer than a small string");
  f.set(f.begin()->name, "one");
  EXPECT_EQ(f.get("B"), "one");
  EXPECT_EQ(f.size(), 2u);
}

TEST(fields, add_unchecked_is_add_for_what_is_right) {
  fields f;
  f.add_unchecked("A", "1");
  f.add_unchecked("B", "");
  EXPECT_EQ(f, (fields{{"A", "1"}, {"B", ""}}));
}

TEST(fields, lists) {
  fields f{{"Connection", "keep-alive, Upgrade"}, {"X", "y"}, {"connection", "\"a,b\" , close"}};
  EXPECT_TRUE(f.has_token("Connection", "upgrade"));
  EXPECT_TRUE(f.has_token("CONNECTION", "Close"));
  EXPECT_FALSE(f.has_token("Connection", "keep"));
  EXPECT_FALSE(f.has_token("Connection", "a"));
  EXPECT_FALSE(f.has_token("None", "a"));
  std::vector<std::string> seen;
  f.for_each_element("Connection", [&](std::string_view element) { seen.emplace_back(element); });
  EXPECT_EQ(seen, (std::vector<std::string>{"keep-alive", "Upgrade", "\"a,b\"", "close"}));
}

TEST(fields, equality_looks_at_order_and_values_and_not_at_the_case_of_names) {
  const fields f{{"A", "1"}, {"B", "2"}};
  EXPECT_EQ(f, (fields{{"a", "1"}, {"b", "2"}}));
  EXPECT_NE(f, (fields{{"B", "2"}, {"A", "1"}}));
  EXPECT_NE(f, (fields{{"A", "1"}}));
  EXPECT_NE((fields{{"A", "1"}}), f);
  EXPECT_NE(f, (fields{{"A", "1"}, {"B", "2"}, {"C", "3"}}));
  EXPECT_NE((fields{{"A", "x"}}), (fields{{"A", "X"}}));
  EXPECT_EQ(fields(), fields());
}

TEST(fields, copies_are_apart_and_moves_take_all) {
  fields a{{"A", "1"}};
  fields b = a;
  b.add("B", "2");
  EXPECT_EQ(a.size(), 1u);
  const fields c = std::move(b);
  EXPECT_EQ(c.size(), 2u);
}

TEST(fields, many_lines_are_found_and_counted) {
  fields f;
  for (int i = 0; i < 1'000; ++i) f.add("N" + std::to_string(i), std::to_string(i));
  EXPECT_EQ(f.size(), 1'000u);
  EXPECT_EQ(f.get("n999"), "999");
  EXPECT_EQ(std::distance(f.begin(), f.end()), 1'000);
  for (int i = 0; i < 1'000; i += 2) EXPECT_EQ(f.erase("n" + std::to_string(i)), 1u);
  EXPECT_EQ(f.size(), 500u);
  EXPECT_EQ(f.get("N0"), std::nullopt);
  EXPECT_EQ(f.get("N999"), "999");
}

} // namespace
