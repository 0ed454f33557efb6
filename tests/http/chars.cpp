// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/chars.hpp>

#include <gtest/gtest.h>

#include <string_view>

namespace {

namespace http = antiphon::http;

template <class F>
void for_each_byte(F f) {
  for (int byte = 0; byte < 256; ++byte) {
    SCOPED_TRACE(byte);
    f(byte, static_cast<char>(byte));
  }
}

bool alnum(int c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

TEST(chars, token_is_tchar) {
  for_each_byte([](int byte, char c) {
    const bool mark = byte != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    EXPECT_EQ(http::is_token_char(c), alnum(byte) || mark);
  });
}

TEST(chars, value_has_no_control_byte_but_tab) {
  for_each_byte(
      [](int byte, char c) { EXPECT_EQ(http::is_value_char(c), byte == '\t' || (byte >= 0x20 && byte != 0x7f)); });
}

TEST(chars, target_is_visible_ascii_without_a_fragment) {
  for_each_byte(
      [](int byte, char c) { EXPECT_EQ(http::is_target_char(c), byte > 0x20 && byte < 0x7f && byte != '#'); });
}

TEST(chars, digits) {
  for_each_byte([](int byte, char c) {
    EXPECT_EQ(http::is_digit(c), byte >= '0' && byte <= '9');
    const std::string_view lower = "0123456789abcdef";
    const std::string_view upper = "0123456789ABCDEF";
    auto place = lower.find(c);
    if (place == std::string_view::npos) place = upper.find(c);
    const int expected = place == std::string_view::npos ? -1 : static_cast<int>(place);
    EXPECT_EQ(http::hex_value(c), expected);
    EXPECT_EQ(http::is_hex_digit(c), expected >= 0);
  });
}

TEST(chars, only_ascii_letters_have_a_lower_case) {
  for_each_byte([](int byte, char c) {
    EXPECT_EQ(http::to_lower(c), byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : c);
  });
}

} // namespace
