// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/request_reader.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

namespace http = antiphon::http;
using http::error;
using http::parse_result;

TEST(request_reader, reads_one_after_another) {
  const std::string input =
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
      "GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n"
      "PUT /d HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n!";
  for (std::size_t step = 1; step <= input.size(); ++step) {
    http::request_reader reader;
    antiphon::error_code ec;
    std::string seen;
    for (std::size_t at = 0; at < input.size(); at += step) {
      reader.append(std::string_view(input).substr(at, step));
      while (reader.parse(ec) == parse_result::done) {
        seen += http::to_string(reader.head().verb);
        seen += std::string(reader.head().path(reader.base())) + "[" + reader.body() + "]" +
                std::string(reader.trailers().wire());
        reader.next();
      }
      ASSERT_FALSE(ec) << ec.message();
    }
    ASSERT_EQ(seen, "POST/a[hello]GET/b[]POST/c[ab]X: y\r\nPUT/d[!]") << step;
    EXPECT_TRUE(reader.finish(ec));
  }
}

TEST(request_reader, gives_what_follows_an_upgrade) {
  http::request_reader reader;
  antiphon::error_code ec;
  reader.append("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x01\x02");
  ASSERT_EQ(reader.parse(ec), parse_result::done);
  EXPECT_TRUE(reader.head().upgrade);
  EXPECT_EQ(reader.rest(), "\x01\x02");
  EXPECT_EQ(reader.get("upgrade"), "x");
  EXPECT_EQ(reader.get("downgrade"), std::nullopt);
}

TEST(request_reader, may_end_between_messages_only) {
  const std::string input = "\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t size = 0; size <= input.size(); ++size) {
    http::request_reader reader;
    antiphon::error_code ec;
    reader.append(std::string_view(input).substr(0, size));
    reader.parse(ec);
    const bool may = size == 0 || size == 2 || size == input.size();
    EXPECT_EQ(reader.finish(ec), may) << size;
    EXPECT_EQ(ec, may ? antiphon::error_code() : error::incomplete_message);
  }
}

TEST(request_reader, limit_of_bodies) {
  http::body_limits limits;
  limits.size = 10;
  for (const std::size_t size : {10U, 11U, 1000U}) {
    http::request_reader reader({}, limits);
    antiphon::error_code ec;
    reader.append("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    EXPECT_EQ(reader.parse(ec), size == 10 ? parse_result::more : parse_result::failed);
    EXPECT_EQ(ec, size == 10 ? antiphon::error_code() : error::body_too_large);
  }
}

} // namespace
