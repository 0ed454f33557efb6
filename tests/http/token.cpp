// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/token.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace http = antiphon::http;

std::vector<std::string> elements(std::string_view list) {
  std::vector<std::string> out;
  while (const auto element = http::next_element(list)) out.emplace_back(*element);
  return out;
}

using strings = std::vector<std::string>;

TEST(token, is_not_empty_and_has_token_bytes_only) {
  EXPECT_TRUE(http::is_token("Content-Length"));
  EXPECT_TRUE(http::is_token("!#$%&'*+-.^_`|~09azAZ"));
  for (const std::string_view bad :
       {"", " ", "a b", "a:", "a\t", "(a)", "a/b", "\"a\"", "\x80", "a\r", "a\n", "{", "@"})
    EXPECT_FALSE(http::is_token(bad)) << bad;
  EXPECT_FALSE(http::is_token(std::string_view("a\0", 2)));
}

TEST(token, field_value) {
  for (const std::string_view good : {"", "a", "a b", "a\tb", "\x80\xff", "\"quoted\"", "#"})
    EXPECT_TRUE(http::is_field_value(good)) << good;
  for (const std::string_view bad : {" ", "\t", " a", "a ", "\ta", "a\t", "a\rb", "a\nb", "a\x7f", "\x01", "\x1f"})
    EXPECT_FALSE(http::is_field_value(bad)) << bad;
  EXPECT_FALSE(http::is_field_value(std::string_view("a\0b", 3)));
}

TEST(token, iequals_folds_ascii_letters_only) {
  EXPECT_TRUE(http::iequals("", ""));
  EXPECT_TRUE(http::iequals("Content-LENGTH", "content-length"));
  EXPECT_FALSE(http::iequals("a", ""));
  EXPECT_FALSE(http::iequals("a", "ab"));
  EXPECT_FALSE(http::iequals("[", "{")) << "these differ by the bit of case";
  EXPECT_FALSE(http::iequals("@", "`"));
  EXPECT_FALSE(http::iequals("\xc4", "\xe4")) << "no locale";
}

TEST(token, trim_ows_takes_spaces_and_tabs_only) {
  EXPECT_EQ(http::trim_ows(" \t a b\t "), "a b");
  EXPECT_EQ(http::trim_ows(" \t "), "");
  EXPECT_EQ(http::trim_ows("\ra\n"), "\ra\n");
}

TEST(token, decimal_is_plain_digits_up_to_64_bits) {
  EXPECT_EQ(http::parse_decimal("0"), 0u);
  EXPECT_EQ(http::parse_decimal("00012"), 12u);
  EXPECT_EQ(http::parse_decimal("18446744073709551615"), 18446744073709551615u);
  for (const auto* bad : {"", " 1", "1 ", "+1", "-1", "0x1", "1,1", "1.0", "18446744073709551616",
                          "18446744073709551620", "28446744073709551615", "99999999999999999999", "\xd9\xa1"})
    EXPECT_FALSE(http::parse_decimal(bad)) << bad;
}

TEST(token, list_elements) {
  EXPECT_EQ(elements(""), strings{});
  EXPECT_EQ(elements(" , ,, \t"), strings{});
  EXPECT_EQ(elements("a"), strings{"a"});
  EXPECT_EQ(elements("a,b ,\tc d"), (strings{"a", "b", "c d"}));
  EXPECT_EQ(elements(",a,,b,"), (strings{"a", "b"}));
  EXPECT_EQ(elements(R"("a,b", c="d\",e", f)"), (strings{R"("a,b")", R"(c="d\",e")", "f"}));
  EXPECT_EQ(elements(R"(a, "never closed, b)"), (strings{"a", R"("never closed, b)"}));
  EXPECT_EQ(elements("\"ends in a backslash\\"), strings{"\"ends in a backslash\\"});
}

TEST(token, list_has_token) {
  EXPECT_TRUE(http::list_has_token("keep-alive, Upgrade", "upgrade"));
  EXPECT_TRUE(http::list_has_token("CLOSE", "close"));
  EXPECT_FALSE(http::list_has_token("closed, xclose", "close"));
  EXPECT_FALSE(http::list_has_token("\"close\"", "close"));
  EXPECT_FALSE(http::list_has_token("", "close"));
}

TEST(token, unquote_is_the_inverse_of_quote_for_every_byte_that_may_stand_in_quotes) {
  for (int byte = 0; byte < 256; ++byte) {
    SCOPED_TRACE(byte);
    const std::string text{'a', static_cast<char>(byte), 'b'};
    if (!http::is_value_char(static_cast<char>(byte))) {
      EXPECT_THROW(http::quote(text), std::invalid_argument);
      continue;
    }
    const auto quoted = http::quote(text);
    EXPECT_EQ(http::unquote(quoted), text);
    EXPECT_EQ(http::find_unquoted(quoted, 'b'), quoted.size()) << "nothing gets out of its quotes";
  }
  EXPECT_EQ(http::quote(""), "\"\"");
  EXPECT_EQ(http::quote("a\"\\"), R"("a\"\\")");
  EXPECT_EQ(http::unquote("\"\""), "");
}

TEST(token, unquote_refuses_what_is_not_exactly_one_quoted_string) {
  for (const std::string_view bad :
       {"", "a", "\"", "\"a", "a\"", "\"a\"b", "\"a\" ", "\"a\\\"", "\"a\\", "\"a\rb\"", "\"a\\\nb\""})
    EXPECT_FALSE(http::unquote(bad)) << bad;
}

TEST(token, quote_if_needed) {
  EXPECT_EQ(http::quote_if_needed("utf-8"), "utf-8");
  EXPECT_EQ(http::quote_if_needed("a b"), "\"a b\"");
  EXPECT_EQ(http::quote_if_needed(""), "\"\"");
}

std::pair<std::vector<std::pair<std::string, std::string>>, bool> parameters(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  http::parameter p;
  http::parameter_reader reader(text);
  while (reader.next(p)) out.emplace_back(p.name, p.has_value ? p.text() : "(none)");
  EXPECT_FALSE(reader.next(p)) << "it stays at its end";
  return {out, !reader.failed()};
}

TEST(token, parameters) {
  using list = std::vector<std::pair<std::string, std::string>>;
  const auto good = [](std::string_view text, const list& expected) {
    SCOPED_TRACE(text);
    const auto [got, ok] = parameters(text);
    EXPECT_TRUE(ok);
    EXPECT_EQ(got, expected);
  };
  good("", {});
  good(" ; ;; ", {});
  good("a=b", {{"a", "b"}});
  good("; a=b;c=\"d e\" ;\tf", {{"a", "b"}, {"c", "d e"}, {"f", "(none)"}});
  good("a=\"x;y\\\"z\";b=1", {{"a", "x;y\"z"}, {"b", "1"}});
  good("a=\"\"", {{"a", ""}});
  good("wait = 30; respond-async", {{"wait", "30"}, {"respond-async", "(none)"}});
}

TEST(token, parameters_stop_at_the_first_error) {
  for (const std::string_view bad :
       {"=b", "a=", "a=;b=c", "a=\"b", "a=\"b\"c", "a=b c=d", "a=b=c", "a=b,c", "a b", "\"a\"=b", "a=\"\x01\""}) {
    SCOPED_TRACE(bad);
    EXPECT_FALSE(parameters(bad).second);
    const auto [got, ok] = parameters("good=1;" + std::string(bad));
    EXPECT_FALSE(ok);
    EXPECT_EQ(got.size(), 1u);
  }
}

TEST(token, weight) {
  const std::vector<std::pair<const char*, int>> good{{"0", 0},     {"1", 1000},    {"0.", 0},
                                                      {"1.", 1000}, {"0.5", 500},   {"0.05", 50},
                                                      {"0.005", 5}, {"0.999", 999}, {"1.000", 1000}};
  for (const auto& [text, weight] : good) EXPECT_EQ(http::parse_weight(text), weight) << text;
  for (const auto* bad : {"", ".5", "2", "1.1", "1.001", "0.0001", "-0.1", "0,5", "0.5 ", "00.5", "0.x", "1e0"})
    EXPECT_FALSE(http::parse_weight(bad)) << bad;
}

TEST(token, weighted_list) {
  std::string_view rest = "text/html;level=1;q=0.4, gzip;Q=0.5;ext=\"a,b\", br , bad;q=2, a;x=\";q=0.1\"";
  const std::vector<std::pair<std::string, int>> expected{
      {"text/html;level=1", 400}, {"gzip", 500}, {"br", 1000}, {"bad", 0}, {"a;x=\";q=0.1\"", 1000}};
  std::vector<std::pair<std::string, int>> got;
  while (const auto item = http::next_weighted(rest)) got.emplace_back(item->value, item->weight);
  EXPECT_EQ(got, expected);
}

TEST(token, weight_of_a_name_beats_that_of_the_star) {
  EXPECT_EQ(http::weight_of("gzip;q=0.5, *;q=0.1", "GZIP"), 500);
  EXPECT_EQ(http::weight_of("*;q=0.1, gzip;q=0", "gzip"), 0);
  EXPECT_EQ(http::weight_of("*;q=0.1, gzip;q=0", "br"), 100);
  EXPECT_EQ(http::weight_of("gzip", "br"), std::nullopt);
  EXPECT_EQ(http::weight_of("", "br"), std::nullopt);
}

} // namespace
