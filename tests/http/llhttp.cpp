// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/llhttp.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace {

namespace http = antiphon::http;
using http::detail::llhttp_head_parser;

std::string_view name(std::string_view block, const http::field_ref& f) { return block.substr(f.name, f.name_size); }
std::string_view value(std::string_view block, const http::field_ref& f) { return block.substr(f.value, f.value_size); }

TEST(llhttp, that_is_linked_is_strict) { EXPECT_NO_THROW(http::check_llhttp_is_strict()); }

TEST(llhttp, numbers_methods_as_we_do) {
#define ANTIPHON_TEST_METHOD(number, name, text)                                                                       \
  if (number < http::method_count) {                                                                                   \
    EXPECT_EQ(http::to_string(static_cast<http::method>(number)), #text);                                              \
  }
  HTTP_METHOD_MAP(ANTIPHON_TEST_METHOD)
#undef ANTIPHON_TEST_METHOD
}

TEST(llhttp, gives_offsets_from_the_beginning_of_the_block) {
  constexpr std::string_view block = "\r\nGET / HTTP/1.1\r\nHost: a\r\nEmpty:\r\n\r\n";
  llhttp_head_parser parser(HTTP_REQUEST);
  std::array<http::field_ref, 2> fields;
  ASSERT_TRUE(parser.parse(block.substr(2), 2, false, fields.data(), 2));
  EXPECT_EQ(parser.method_number(), HTTP_GET);
  EXPECT_EQ(name(block, fields[0]), "Host");
  EXPECT_EQ(value(block, fields[0]), "a");
  EXPECT_EQ(name(block, fields[1]), "Empty");
  EXPECT_EQ(value(block, fields[1]), "");
}

TEST(llhttp, goes_on_behind_heads_that_would_stop_it) {
  llhttp_head_parser parser(HTTP_REQUEST);
  std::array<http::field_ref, 3> fields;
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
    for (const auto head : heads) EXPECT_TRUE(parser.parse(head, 0, false, fields.data(), 3)) << head;
}

TEST(llhttp, is_set_up_anew_after_a_refusal) {
  llhttp_head_parser parser(HTTP_REQUEST);
  std::array<http::field_ref, 2> fields;
  EXPECT_FALSE(parser.parse("GET / HTTP/1.1\r\nA : b\r\n\r\n", 0, false, fields.data(), 1));
  EXPECT_TRUE(parser.parse("GET / HTTP/1.1\r\nA: b\r\n\r\n", 0, false, fields.data(), 1));
  EXPECT_FALSE(parser.parse("PRI * HTTP/1.1\r\n\r\n", 0, false, fields.data(), 0)) << "waits for a preface";
  EXPECT_TRUE(parser.parse("GET / HTTP/1.1\r\nA: b\r\n\r\n", 0, false, fields.data(), 1));
}

TEST(llhttp, never_writes_past_the_fields_that_it_was_promised) {
  llhttp_head_parser parser(HTTP_REQUEST);
  std::array<http::field_ref, 1> fields; // the sanitizers watch its end
  EXPECT_FALSE(parser.parse("GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n", 0, false, fields.data(), 1));
  EXPECT_FALSE(parser.parse("GET / HTTP/1.1\r\nA: b\r\n\r\n", 0, false, fields.data(), 0));
}

TEST(llhttp, notices_a_field_too_few) {
  llhttp_head_parser parser(HTTP_REQUEST);
  std::array<http::field_ref, 2> fields;
  EXPECT_FALSE(parser.parse("GET / HTTP/1.1\r\nA: b\r\n\r\n", 0, false, fields.data(), 2));
}

TEST(llhttp, takes_a_tab_for_a_space) {
  constexpr std::string_view block = "POST / HTTP/1.1\r\nContent-Length:\t5\t\r\nA: b\tc\r\n\r\n";
  llhttp_head_parser parser(HTTP_REQUEST);
  std::array<http::field_ref, 2> fields;
  ASSERT_TRUE(parser.parse(block, 0, true, fields.data(), 2));
  EXPECT_EQ(value(block, fields[0]).substr(0, 1), "5");
  EXPECT_EQ(value(block, fields[1]), "b\tc");
}

TEST(llhttp, parses_responses_of_every_status) {
  llhttp_head_parser parser(HTTP_RESPONSE);
  std::array<http::field_ref, 1> fields;
  for (int status = 100; status < 1000; ++status) {
    const auto head = "HTTP/1.1 " + std::to_string(status) + " X\r\nConnection: upgrade\r\n\r\n";
    ASSERT_TRUE(parser.parse(head, 0, false, fields.data(), 1)) << status;
  }
}

} // namespace
