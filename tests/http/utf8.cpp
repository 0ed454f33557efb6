// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/utf8.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

namespace http = antiphon::http;

std::string encode(unsigned point) {
  const auto byte = [](unsigned value) { return static_cast<char>(value); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | (point >> 6)), byte(0x80 | (point & 63))};
  if (point < 0x10000) return {byte(0xe0 | (point >> 12)), byte(0x80 | ((point >> 6) & 63)), byte(0x80 | (point & 63))};
  return {byte(0xf0 | (point >> 18)), byte(0x80 | ((point >> 12) & 63)), byte(0x80 | ((point >> 6) & 63)),
          byte(0x80 | (point & 63))};
}

// The sizes of the pieces; negative where ill-formed.
std::vector<int> pieces(std::string_view text) {
  std::vector<int> out;
  while (!text.empty()) {
    const auto piece = http::next_utf8(text);
    out.push_back(piece.valid ? static_cast<int>(piece.size) : -static_cast<int>(piece.size));
    text.remove_prefix(piece.size);
  }
  return out;
}

TEST(utf8, every_code_point_but_the_surrogates) {
  for (unsigned point = 0; point < 0x120000; ++point) {
    const auto text = encode(point);
    const bool good = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
    ASSERT_EQ(http::is_utf8(text), good) << point;
    ASSERT_TRUE(!good || http::next_utf8(text + "x").size == text.size()) << point;
  }
}

TEST(utf8, one_bad_byte_anywhere_in_a_long_text) {
  std::string text(200, 'a');
  EXPECT_TRUE(http::is_utf8(text));
  for (auto& c : text) {
    c = '\xff';
    EXPECT_FALSE(http::is_utf8(text));
    c = 'a';
  }
  for (std::size_t at = 0; at + 2 <= text.size(); ++at) {
    std::string good = text;
    EXPECT_TRUE(http::is_utf8(good.replace(at, 2, "\xc3\xa4")));
  }
  static_assert(http::is_utf8("0123456789012345678901234567890123456789") && !http::is_utf8("a\xff"));
}

TEST(utf8, one_piece_per_maximal_subpart) {
  using sizes = std::vector<int>;
  // The examples of the Unicode standard, section 3.9, tables 3-8 to 3-11.
  EXPECT_EQ(pieces("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), (sizes{-1, -1, -1, -1, -1, -1, -1, -1, 1}));
  EXPECT_EQ(pieces("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), (sizes{-1, -1, -1, -1, -1, -1, -1, -1, 1}));
  EXPECT_EQ(pieces("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), (sizes{-1, -1, -1, -1, -1, 1, -1, -1, 1}));
  EXPECT_EQ(pieces("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), (sizes{-2, -1, -3, -2, 1}));
}

TEST(utf8, a_sequence_that_is_cut_is_ill_formed) {
  for (const unsigned point : {0xe9u, 0x20acu, 0x1f600u}) {
    const auto text = encode(point);
    for (std::size_t size = 1; size < text.size(); ++size) {
      const auto piece = http::next_utf8(std::string_view(text).substr(0, size));
      EXPECT_FALSE(piece.valid) << point;
      EXPECT_EQ(piece.size, size) << point;
    }
  }
}

TEST(utf8, empty_text_is_well_formed) { EXPECT_TRUE(http::is_utf8("")); }

} // namespace
