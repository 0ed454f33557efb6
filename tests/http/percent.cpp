// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/percent.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using antiphon::http::encode_set;
using antiphon::http::form_decode;
using antiphon::http::percent_decode;
using antiphon::http::percent_encode;

constexpr encode_set all_sets[] = {encode_set::component, encode_set::segment, encode_set::path, encode_set::query,
                                   encode_set::form};

std::string all_bytes() {
  std::string out;
  for (int byte = 0; byte < 256; ++byte) out += static_cast<char>(byte);
  return out;
}

TEST(percent, decoding_is_the_inverse_of_encoding) {
  const auto text = all_bytes() + "%41+%" + all_bytes();
  for (const auto set : all_sets) {
    SCOPED_TRACE(static_cast<int>(set));
    const auto encoded = percent_encode(text, set);
    if (set == encode_set::form) {
      EXPECT_EQ(form_decode(encoded), text);
    } else {
      EXPECT_EQ(percent_decode(encoded), text);
    }
    for (const char c : encoded) EXPECT_TRUE(c > 0x20 && c < 0x7f && c != '#' && c != '"') << c;
  }
}

TEST(percent, each_set_keeps_what_it_says) {
  const std::string marks = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  const auto kept = [&](encode_set set) {
    std::string out;
    for (const char c : marks)
      if (percent_encode(std::string(1, c), set) == std::string(1, c)) out += c;
    return out;
  };
  EXPECT_EQ(kept(encode_set::component), "-._~");
  EXPECT_EQ(kept(encode_set::segment), "!$&'()*+,-.:;=@_~");
  EXPECT_EQ(kept(encode_set::path), "!$&'()*+,-./:;=@_~");
  EXPECT_EQ(kept(encode_set::query), "!$&'()*+,-./:;=?@_~");
  EXPECT_EQ(kept(encode_set::form), "*-._");
}

TEST(percent, encodes_in_upper_case_and_appends) {
  EXPECT_EQ(percent_encode("a/\xc3\xa9 \n"), "a%2F%C3%A9%20%0A");
  EXPECT_EQ(percent_encode("a b", encode_set::form), "a+b");
  std::string out = "/x/";
  percent_encode(out, "?", encode_set::segment);
  EXPECT_EQ(out, "/x/%3F");
}

TEST(percent, decodes_both_cases_once) {
  EXPECT_EQ(percent_decode("%2f%2F%41+"), "//A+");
  EXPECT_EQ(percent_decode("%2541"), "%41");
  EXPECT_EQ(percent_decode(""), "");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
}

TEST(percent, refuses_what_is_no_escape) {
  for (const std::string_view bad : {"%", "%4", "a%", "%g0", "%0g", "%%41", "% 41", "%-1", "%+1", "%0x41", "%u0041"})
    EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(percent, form_decoding_lets_it_stand) {
  EXPECT_EQ(form_decode("100%"), "100%");
  EXPECT_EQ(form_decode("%4"), "%4");
  EXPECT_EQ(form_decode("%zz%41%"), "%zzA%");
  EXPECT_EQ(form_decode("%%41"), "%A");
  EXPECT_EQ(form_decode("a+b%2B"), "a b+");
}

} // namespace
