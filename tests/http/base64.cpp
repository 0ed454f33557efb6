// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/base64.hpp>
#include <antiphon/http/same_secret.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace {

namespace http = antiphon::http;

TEST(base64, writes_and_reads_the_examples_of_its_standard) {
  for (const auto& [plain, text] : {std::pair("", ""),
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(http::base64_encode(plain), text);
    EXPECT_EQ(http::base64_decode(text), plain);
  }
  std::string all;
  for (int c = 0; c < 256; ++c) {
    all += static_cast<char>(c);
    EXPECT_EQ(http::base64_decode(http::base64_encode(all)), all);
  }
}

TEST(base64, reads_nothing_but_what_it_writes) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "Zm9v====", "====", "=", "Zh==", "Zm9=", "Zm9v\n", "Zm 9",
                          "Zm-_", "Zg==Zg==", "Z=m9", "Zm9\x80", " Zm9v"})
    EXPECT_EQ(http::base64_decode(bad), std::nullopt) << bad;
  EXPECT_EQ(http::base64_decode(std::string_view("Zm9\0", 4)), std::nullopt);
}

TEST(same_secret, compares_all_bytes) {
  for (const std::string a : {"", "a", "secret", "secreT", "Secret", "secrets", "secre"})
    for (const std::string b : {"", "a", "secret", "secreT", "Secret", "secrets", "secre"})
      EXPECT_EQ(antiphon::same_secret(a, b), a == b) << a << ' ' << b;
}

} // namespace
