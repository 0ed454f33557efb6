// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/media_type.hpp>

#include <gtest/gtest.h>

#include <string_view>

namespace {

using antiphon::http::accept_weight;
using antiphon::http::media_type;

static_assert(media_type::parse("a/b; c=d")->is("A/B"));

TEST(media_type, parts) {
  const auto t = media_type::parse(" Text/HTML ; charset=\"utf-8\";Level=1 ");
  ASSERT_TRUE(t);
  EXPECT_EQ(t->type(), "Text");
  EXPECT_EQ(t->subtype(), "HTML");
  EXPECT_EQ(t->essence(), "Text/HTML");
  EXPECT_EQ(t->parameter("Charset"), "utf-8");
  EXPECT_EQ(t->parameter("level"), "1");
  EXPECT_EQ(t->parameter("none"), std::nullopt);
  EXPECT_TRUE(t->is("text/html"));
  EXPECT_FALSE(t->is("text/plain"));
  EXPECT_FALSE(t->is("text"));
}

TEST(media_type, refuses) {
  for (const std::string_view bad :
       {"", "text", "/", "text/", "/html", "text/html/x", "text /html", "text/ html", "te xt/html", "*/html",
        "text/html; charset", "text/html; =x", "text/html; a=", "text/html; a=\"b", "text/html, a/b", "text/html a=b",
        "text/h\xc3\xa9", "text/html; a=b c"})
    EXPECT_FALSE(media_type::parse(bad)) << bad;
}

TEST(media_type, empty_parameters_are_allowed) {
  EXPECT_TRUE(media_type::parse("text/html;"));
  EXPECT_TRUE(media_type::parse("text/html; ;a=b;"));
}

TEST(media_type, json_by_name_or_suffix) {
  for (const auto* good : {"application/json", "text/json", "application/problem+JSON", "application/a+b+json; x=y"})
    EXPECT_TRUE(media_type::parse(good)->is_json()) << good;
  for (const auto* bad : {"application/jsonp", "application/json+xml", "text/plain; a=json", "application/xjson"})
    EXPECT_FALSE(media_type::parse(bad)->is_json()) << bad;
  EXPECT_EQ(media_type::parse("image/svg+xml")->suffix(), "xml");
  EXPECT_EQ(media_type::parse("image/png")->suffix(), "");
}

TEST(media_type, ranges) {
  const auto html = *media_type::parse("text/html; charset=UTF-8");
  for (const auto* good : {"*/*", "text/*", "TEXT/html", "text/html;charset=utf-8", "text/*; charset=\"utf-8\""})
    EXPECT_TRUE(html.matches(*media_type::parse(good))) << good;
  for (const auto* bad : {"image/*", "text/plain", "text/html;charset=latin1", "text/html;level=1", "*/*;level=1"})
    EXPECT_FALSE(html.matches(*media_type::parse(bad))) << bad;
}

TEST(media_type, the_most_precise_range_decides) {
  // RFC 9110, section 12.5.1.
  const std::string_view accept =
      "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5";
  EXPECT_EQ(accept_weight(accept, "text/plain;format=flowed"), 1000);
  EXPECT_EQ(accept_weight(accept, "text/plain"), 700);
  EXPECT_EQ(accept_weight(accept, "text/html"), 300);
  EXPECT_EQ(accept_weight(accept, "image/jpeg"), 500);
  EXPECT_EQ(accept_weight(accept, "text/plain;format=fixed"), 400);
  EXPECT_EQ(accept_weight(accept, "text/html;level=3"), 300);
}

TEST(media_type, accept_at_its_edges) {
  EXPECT_EQ(accept_weight("", "text/html"), 1000);
  EXPECT_EQ(accept_weight("image/png", "text/html"), 0);
  EXPECT_EQ(accept_weight("text/html;q=0, */*", "text/html"), 0);
  EXPECT_EQ(accept_weight("nonsense, text/html;q=0.2", "text/html"), 200);
  EXPECT_EQ(accept_weight("nonsense", "text/html"), 0);
  EXPECT_EQ(accept_weight("*/*", "nonsense"), 0);
  EXPECT_EQ(accept_weight("text/html;q=0.2, text/html;q=0.8", "text/html"), 200) << "the first of equals";
}

} // namespace
