// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/json_escape.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using antiphon::http::json_escape;
using antiphon::http::json_quote;

TEST(json_escape, plain_text_and_utf8_stay) {
  EXPECT_EQ(json_quote(""), "\"\"");
  EXPECT_EQ(json_quote("a b/{}[]:,'"), "\"a b/{}[]:,'\"");
  EXPECT_EQ(json_quote("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!\"");
}

TEST(json_escape, quotes_backslashes_and_control_bytes) {
  EXPECT_EQ(json_quote("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json_quote("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(json_quote(std::string("\0\x01\x1f\x7f", 4)), R"("\u0000\u0001\u001f\u007f")");
}

TEST(json_escape, what_is_not_utf8_is_replaced_once_a_piece) {
  EXPECT_EQ(json_quote("a\xff"
                       "b"),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(json_quote("\xe2\x82"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(json_quote("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(json_quote("\xe2\x82\""), "\"\xef\xbf\xbd\\\"\"") << "a cut sequence takes no quote with it";
}

TEST(json_escape, no_byte_gets_out_of_the_quotes) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto quoted = json_quote(std::string{static_cast<char>(byte), 'x'});
    ASSERT_GE(quoted.size(), 4u) << byte;
    EXPECT_EQ(quoted.substr(quoted.size() - 2), "x\"") << byte;
    bool escaped = false;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
      EXPECT_GE(static_cast<unsigned char>(quoted[i]), 0x20) << byte;
      EXPECT_TRUE(quoted[i] != '"' || escaped) << byte;
      escaped = quoted[i] == '\\' && !escaped;
    }
    EXPECT_FALSE(escaped) << byte;
  }
}

TEST(json_escape, appends) {
  std::string out = "[\"";
  json_escape(out, "a\n");
  json_escape(out, "");
  json_escape(out, "b");
  EXPECT_EQ(out, "[\"a\\nb");
}

} // namespace
