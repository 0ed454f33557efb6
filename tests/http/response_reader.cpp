// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/response_reader.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

namespace http = antiphon::http;
using http::error;
using http::method;
using http::parse_result;

TEST(response_reader, reads_one_after_another) {
  const std::string input = "HTTP/1.1 100 Continue\r\n\r\n"
                            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" // to HEAD
                            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n"
                            "HTTP/1.0 404 Not Found\r\n\r\nuntil the end";
  const method asked[] = {method::get, method::get, method::head, method::get, method::get, method::get, method::get};
  for (std::size_t step = 1; step <= input.size(); ++step) {
    http::response_reader reader(asked[0]);
    antiphon::error_code ec;
    std::string seen;
    std::size_t count = 0;
    const auto use = [&] {
      seen += std::to_string(http::code(reader.head().status)) + "[" + reader.body() + "]" +
              std::string(reader.trailers().wire());
      reader.next(asked[++count]);
    };
    for (std::size_t at = 0; at < input.size(); at += step) {
      reader.append(std::string_view(input).substr(at, step));
      while (reader.parse(ec) == parse_result::done) use();
      ASSERT_FALSE(ec) << ec.message();
    }
    ASSERT_FALSE(reader.done());
    ASSERT_TRUE(reader.finish(ec));
    ASSERT_TRUE(reader.done());
    use();
    ASSERT_EQ(seen, "100[]200[hello]200[]304[]200[ab]X: y\r\n404[until the end]") << step;
    EXPECT_TRUE(reader.finish(ec)) << "no message has begun";
  }
}

TEST(response_reader, gives_what_follows_a_switch) {
  http::response_reader reader;
  antiphon::error_code ec;
  reader.append("HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x01\x02");
  ASSERT_EQ(reader.parse(ec), parse_result::done);
  EXPECT_TRUE(reader.head().upgrade);
  EXPECT_EQ(reader.rest(), "\x01\x02");
}

TEST(response_reader, cut_short) {
  const std::string input = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t size = 0; size <= input.size(); ++size) {
    http::response_reader reader;
    antiphon::error_code ec;
    reader.append(std::string_view(input).substr(0, size));
    reader.parse(ec);
    const bool may = size == 0 || size == input.size();
    EXPECT_EQ(reader.finish(ec), may) << size;
    EXPECT_EQ(ec, may ? antiphon::error_code() : error::incomplete_message);
  }
  http::response_reader chunked;
  antiphon::error_code ec;
  chunked.append("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  EXPECT_EQ(chunked.parse(ec), parse_result::more);
  EXPECT_FALSE(chunked.finish(ec)) << "only the last chunk tells that a body is whole";
}

TEST(response_reader, limit_of_bodies) {
  http::body_limits limits;
  limits.size = 10;
  for (const auto* head : {"\r\n", "Transfer-Encoding: chunked\r\n\r\n3e8\r\n", "Content-Length: 1000\r\n\r\n"}) {
    http::response_reader reader(method::get, http::response_head_limits(), limits);
    antiphon::error_code ec;
    reader.append("HTTP/1.1 200 OK\r\n" + std::string(head) + std::string(1000, 'x'));
    EXPECT_EQ(reader.parse(ec), parse_result::failed) << head;
    EXPECT_EQ(ec, error::body_too_large);
    EXPECT_LE(reader.body().size(), 10U);
  }
}

} // namespace
