// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/etag.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using antiphon::http::entity_tag;
using antiphon::http::next_entity_tag;

/// The tags of a list, each as it is understood.
std::string read(std::string_view list) {
  std::string out;
  while (const auto tag = next_entity_tag(list))
    out.append(out.empty() ? "" : " ").append(tag->weak() ? "w:" : "s:").append(tag->opaque());
  return out;
}

TEST(etag, parses_one_tag) {
  const struct {
    std::string_view text;
    bool good, weak;
    std::string_view opaque;
  } cases[] = {
      {R"("xyzzy")", true, false, "xyzzy"},
      {R"(W/"xyzzy")", true, true, "xyzzy"},
      {R"("")", true, false, ""},
      {R"("a\")", true, false, "a\\"}, // no escape
      {"\"\xc3\xa9\"", true, false, "\xc3\xa9"},
      {R"("a,b")", true, false, "a,b"},
      {R"(w/"xyzzy")", false, false, ""},
      {R"(W/ "xyzzy")", false, false, ""},
      {"xyzzy", false, false, ""},
      {R"("xyzzy)", false, false, ""},
      {R"(xyzzy")", false, false, ""},
      {R"("a b")", false, false, ""},
      {"\"a\tb\"", false, false, ""},
      {std::string_view("\"a\0b\"", 5), false, false, ""},
      {"\"\x7f\"", false, false, ""},
      {R"("a""b")", false, false, ""},
      {R"( "a")", false, false, ""},
      {"*", false, false, ""},
      {"", false, false, ""},
      {"W/", false, false, ""},
      {"\"", false, false, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto tag = entity_tag::parse(c.text);
    ASSERT_EQ(tag.has_value(), c.good);
    if (!tag) continue;
    EXPECT_EQ(tag->weak(), c.weak);
    EXPECT_EQ(tag->opaque(), c.opaque);
  }
}

TEST(etag, compares_as_the_table_of_rfc_9110_section_8_8_3_2) {
  const struct {
    std::string_view a, b;
    bool strong, weak;
  } cases[] = {{R"(W/"1")", R"(W/"1")", false, true},
               {R"(W/"1")", R"(W/"2")", false, false},
               {R"(W/"1")", R"("1")", false, true},
               {R"("1")", R"("1")", true, true},
               {R"("a")", R"("A")", false, false}};
  for (const auto& c : cases) {
    const auto a = entity_tag::parse(c.a), b = entity_tag::parse(c.b);
    EXPECT_EQ(a->same_bytes(*b), c.strong) << c.a << c.b;
    EXPECT_EQ(b->same_bytes(*a), c.strong) << c.a << c.b;
    EXPECT_EQ(a->equivalent(*b), c.weak) << c.a << c.b;
  }
}

TEST(etag, reads_lists_and_passes_over_what_is_no_tag) {
  EXPECT_EQ(read(R"("a", W/"b" ,"c")"), "s:a w:b s:c");
  EXPECT_EQ(read(R"(,, "a",	,"b,c",)"), "s:a s:b,c");
  EXPECT_EQ(read(R"("a\", "b")"), "s:a\\ s:b"); // a reader of quoted strings would see one
  EXPECT_EQ(read(R"(a, "b", c"d", "e" f, "g")"), "s:b s:g");
  EXPECT_EQ(read(R"("a" "b", "c")"), "s:c");
  EXPECT_EQ(read(R"(*, "a")"), "s:a");
  EXPECT_EQ(read(R"("open, "b")"), "s:b");
  EXPECT_EQ(read(R"("open)"), "");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read(std::string(100'000, ',')), "");
}

} // namespace
