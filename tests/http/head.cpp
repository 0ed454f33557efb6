// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/head.hpp>

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace {

namespace http = antiphon::http;

TEST(head, is_plain_data_that_is_reused) {
  static_assert(std::is_trivially_copyable_v<http::request_head>);
  static_assert(std::is_trivially_copyable_v<http::response_head>);
}

TEST(head, texts_follow_the_block) {
  http::request_head head;
  head.target_ref = {4, 6};
  head.path_ref = {4, 2};
  head.query_ref = {7, 3};
  head.authority_ref = {21, 1};
  const std::string block = "GET /a?b=c HTTP/1.1\r\nh";
  const std::string moved = block;
  for (const std::string* text : {&block, &moved}) {
    const char* base = text->data();
    EXPECT_EQ(head.raw_target(base), "/a?b=c");
    EXPECT_EQ(head.path(base), "/a");
    EXPECT_EQ(head.query(base), "b=c");
    EXPECT_EQ(head.authority(base), "h");
  }
}

TEST(head, finds_fields_by_name) {
  const std::string block = "Aa: 1\r\nbB: 2\r\naA: 3\r\n";
  http::head_fields fields;
  fields.count = 3;
  fields.fields[0] = {0, 2, 4, 1};
  fields.fields[1] = {7, 2, 11, 1};
  fields.fields[2] = {14, 2, 18, 1};
  const auto* base = block.data();
  ASSERT_NE(fields.find(base, "aa"), nullptr);
  EXPECT_EQ(fields.value(base, *fields.find(base, "aa")), "1");
  EXPECT_EQ(fields.name(base, *fields.find(base, "BB")), "bB");
  EXPECT_EQ(fields.value(base, *fields.find(base, "AA", 1)), "3");
  EXPECT_EQ(fields.find(base, "a"), nullptr);
  EXPECT_EQ(fields.find(base, "aaa"), nullptr);
  EXPECT_EQ(fields.find(base, "AA", 3), nullptr);
  fields.count = 0;
  EXPECT_EQ(fields.find(base, "aa"), nullptr);
}

TEST(head, knows_how_a_body_ends) {
  http::request_head request;
  EXPECT_EQ(http::body_of(request), http::body_kind::none);
  request.has_length = true;
  EXPECT_EQ(http::body_of(request), http::body_kind::none) << "a length of 0";
  request.content_length = 1;
  EXPECT_EQ(http::body_of(request), http::body_kind::length);
  request.content_length = 0;
  request.chunked = true;
  EXPECT_EQ(http::body_of(request), http::body_kind::chunked);
  http::response_head response;
  response.body = http::body_kind::until_close;
  EXPECT_EQ(http::body_of(response), http::body_kind::until_close);
}

TEST(head, tells_interim_responses) {
  http::response_head head;
  for (int status = 100; status < 1000; ++status) {
    head.status = static_cast<http::status>(status);
    EXPECT_EQ(head.interim(), status < 200 && status != 101) << status;
  }
}

} // namespace
