// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/llhttp.hpp>
#include <antiphon/http/method.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

namespace http = antiphon::http;
using http::detail::llhttp_head_parser;

TEST(llhttp, that_is_linked_is_strict) { EXPECT_NO_THROW(http::check_llhttp_is_strict()); }

TEST(llhttp, numbers_methods_as_we_do) {
#define ANTIPHON_TEST_METHOD(number, name, text)                                                                       \
  if (number < http::method_count) {                                                                                   \
    EXPECT_EQ(http::to_string(static_cast<http::method>(number)), #text);                                              \
  }
  HTTP_METHOD_MAP(ANTIPHON_TEST_METHOD)
#undef ANTIPHON_TEST_METHOD
}

TEST(llhttp, goes_on_behind_heads_that_would_stop_it) {
  llhttp_head_parser parser(HTTP_REQUEST);
  const std::string_view heads[] = {
      "GET / HTTP/1.1\r\nConnection: close\r\nA: b\r\nC: d\r\n\r\n",
      "GET / HTTP/1.0\r\nE: f\r\nA: b\r\nC: d\r\n\r\n",
      "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\nC: d\r\n\r\n",
      "CONNECT a:80 HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\nC: d\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\nA: b\r\nC: d\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 7\r\nA: b\r\nC: d\r\n\r\n",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nA: b\r\nC: d\r\n\r\n",
  };
  for (int round = 0; round < 3; ++round)
    for (const auto head : heads) EXPECT_TRUE(parser.agrees(head, 3, false)) << head;
}

TEST(llhttp, is_set_up_anew_after_a_refusal) {
  llhttp_head_parser parser(HTTP_REQUEST);
  EXPECT_FALSE(parser.agrees("GET / HTTP/1.1\r\nA : b\r\n\r\n", 1, false));
  EXPECT_TRUE(parser.agrees("GET / HTTP/1.1\r\nA: b\r\n\r\n", 1, false));
  EXPECT_FALSE(parser.agrees("PRI * HTTP/1.1\r\n\r\n", 0, false)) << "waits for a preface";
  EXPECT_TRUE(parser.agrees("GET / HTTP/1.1\r\nA: b\r\n\r\n", 1, false));
}

TEST(llhttp, notices_a_field_too_many) {
  llhttp_head_parser parser(HTTP_REQUEST);
  EXPECT_FALSE(parser.agrees("GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n", 1, false));
  EXPECT_FALSE(parser.agrees("GET / HTTP/1.1\r\nA: b\r\n\r\n", 0, false));
}

TEST(llhttp, notices_a_field_too_few) {
  llhttp_head_parser parser(HTTP_REQUEST);
  EXPECT_FALSE(parser.agrees("GET / HTTP/1.1\r\nA: b\r\n\r\n", 2, false));
}

TEST(llhttp, takes_a_tab_for_a_space) {
  constexpr std::string_view block = "POST / HTTP/1.1\r\nContent-Length:\t5\t\r\nA: b\tc\r\n\r\n";
  llhttp_head_parser parser(HTTP_REQUEST);
  EXPECT_TRUE(parser.agrees(block, 2, true));
}

TEST(llhttp, parses_responses_of_every_status) {
  llhttp_head_parser parser(HTTP_RESPONSE);
  for (int status = 100; status < 1000; ++status) {
    const auto head = "HTTP/1.1 " + std::to_string(status) + " X\r\nConnection: upgrade\r\n\r\n";
    ASSERT_TRUE(parser.agrees(head, 1, false)) << status;
  }
}

} // namespace
