// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/message_reader.hpp>
#include <antiphon/http/request_reader.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace {

namespace http = antiphon::http;
using http::parse_result;

TEST(message_reader, is_filled_in_place) {
  http::request_reader reader;
  antiphon::error_code ec;
  const std::string input = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto room = reader.prepare(1000);
  ASSERT_EQ(room.size(), 1000U);
  std::copy(input.begin(), input.end(), room.begin());
  reader.commit(input.size());
  EXPECT_EQ(reader.parse(ec), parse_result::done);
  EXPECT_EQ(reader.rest(), "") << "what was prepared and not committed is no input";
}

TEST(message_reader, commits_less_than_it_prepared) {
  http::request_reader reader;
  antiphon::error_code ec;
  const std::string input = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  for (const char c : input) {
    EXPECT_FALSE(reader.done());
    reader.prepare(64)[0] = c;
    reader.commit(1);
    const auto result = reader.parse(ec);
    EXPECT_EQ(result, reader.done() ? parse_result::done : parse_result::more);
  }
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.body(), "hello");
}

TEST(message_reader, holds_no_more_than_a_head_and_a_body) {
  http::body_limits limits;
  limits.size = 10'000'000;
  http::request_reader reader({}, limits);
  antiphon::error_code ec;
  reader.append("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "3e8\r\n" + std::string(1000, 'x') + "\r\n";
  for (int i = 0; i < 1000; ++i) {
    reader.append(chunk);
    ASSERT_EQ(reader.parse(ec), parse_result::more);
    ASSERT_EQ(reader.rest(), "");
    ASSERT_EQ(reader.get("host"), "a") << "the head stays";
    EXPECT_LT(reader.prepare(0).data() - reader.base(), 2000) << "framing is not kept";
  }
  EXPECT_EQ(reader.body().size(), 1'000'000U);
}

TEST(message_reader, a_refusal_is_final) {
  http::request_reader reader;
  antiphon::error_code ec;
  reader.append("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(reader.parse(ec), parse_result::failed);
  EXPECT_EQ(ec, http::error::missing_host);
  reader.append("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ec = {};
  EXPECT_EQ(reader.parse(ec), parse_result::failed);
  EXPECT_EQ(ec, http::error::missing_host);
  ec = {};
  EXPECT_FALSE(reader.finish(ec));
  EXPECT_EQ(ec, http::error::missing_host);
}

} // namespace
