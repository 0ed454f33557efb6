// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/body_decoder.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

namespace http = antiphon::http;
using http::body_kind;
using http::body_result;
using http::error;

struct outcome {
  body_result result = body_result::more;
  std::string content;
  std::size_t used = 0;
  antiphon::error_code ec;
};

outcome run(http::body_decoder& decoder, std::string_view input, std::size_t step) {
  outcome out;
  for (std::size_t at = 0; at < input.size() && out.result == body_result::more; at += step) {
    auto piece = input.substr(at, step);
    do {
      std::size_t consumed = 0;
      std::string_view data;
      out.result = decoder.step(piece, consumed, data, out.ec);
      out.content += data;
      out.used += consumed;
      piece.remove_prefix(consumed);
    } while (out.result == body_result::data);
  }
  return out;
}

http::request_head request(std::uint64_t length, bool chunked = false) {
  http::request_head head;
  head.has_length = length > 0;
  head.content_length = length;
  head.chunked = chunked;
  head.target_ref = {4, 1};
  head.size = 18;
  return head;
}

TEST(body_decoder, is_done_before_any_message) {
  http::body_decoder decoder;
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(run(decoder, "GET", 3).result, body_result::done);
}

TEST(body_decoder, none) {
  http::body_decoder decoder;
  antiphon::error_code ec;
  ASSERT_TRUE(decoder.start(request(0), {}, {}, ec));
  EXPECT_TRUE(decoder.done());
  const auto out = run(decoder, "GET", 3);
  EXPECT_EQ(out.result, body_result::done);
  EXPECT_EQ(out.used, 0U);
  EXPECT_EQ(decoder.finish(ec), body_result::done);
}

TEST(body_decoder, length) {
  for (std::size_t step = 1; step < 10; ++step) {
    http::body_decoder decoder;
    antiphon::error_code ec;
    ASSERT_TRUE(decoder.start(request(5), {}, {}, ec));
    EXPECT_EQ(decoder.kind(), body_kind::length);
    const auto out = run(decoder, "helloGET", step);
    EXPECT_EQ(out.result, body_result::done);
    EXPECT_EQ(out.content, "hello");
    EXPECT_EQ(out.used, 5U);
    EXPECT_EQ(decoder.size(), 5U);
    EXPECT_TRUE(decoder.done());
  }
}

TEST(body_decoder, length_cut_short) {
  http::body_decoder decoder;
  antiphon::error_code ec;
  ASSERT_TRUE(decoder.start(request(5), {}, {}, ec));
  EXPECT_EQ(run(decoder, "hell", 4).result, body_result::more);
  EXPECT_FALSE(decoder.done());
  EXPECT_EQ(decoder.finish(ec), body_result::failed);
  EXPECT_EQ(ec, error::incomplete_message);
}

TEST(body_decoder, length_over_the_limit) {
  http::body_limits limits;
  limits.size = 10;
  http::body_decoder decoder;
  antiphon::error_code ec;
  EXPECT_TRUE(decoder.start(request(10), {}, limits, ec));
  EXPECT_FALSE(decoder.start(request(11), {}, limits, ec));
  EXPECT_EQ(ec, error::body_too_large);
  EXPECT_FALSE(decoder.start(request(1000), {}, limits, ec));
  EXPECT_FALSE(decoder.start(request(~std::uint64_t{0}), {}, limits, ec));
  limits.size = http::body_limits::unlimited;
  EXPECT_TRUE(decoder.start(request(~std::uint64_t{0}), {}, limits, ec));
}

TEST(body_decoder, chunked) {
  for (std::size_t step = 1; step < 30; ++step) {
    http::body_decoder decoder;
    antiphon::error_code ec;
    ASSERT_TRUE(decoder.start(request(0, true), {}, {}, ec));
    EXPECT_EQ(decoder.kind(), body_kind::chunked);
    const auto out = run(decoder, "3\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\nGET", step);
    EXPECT_EQ(out.result, body_result::done);
    EXPECT_EQ(out.content, "hello");
    EXPECT_EQ(decoder.size(), 5U);
    EXPECT_EQ(decoder.trailers().get("x"), "y");
    EXPECT_TRUE(decoder.done());
  }
}

TEST(body_decoder, chunked_cut_short) {
  http::body_decoder decoder;
  antiphon::error_code ec;
  ASSERT_TRUE(decoder.start(request(0, true), {}, {}, ec));
  EXPECT_EQ(run(decoder, "3\r\nhel\r\n0\r\n", 4).result, body_result::more);
  EXPECT_EQ(decoder.finish(ec), body_result::failed);
  EXPECT_EQ(ec, error::incomplete_message);
}

TEST(body_decoder, trailers_count_with_the_head) {
  http::head_limits limits;
  limits.header_bytes = 30;
  auto head = request(0, true);
  head.size += 10; // "A: bcdef\r\n", say
  http::body_decoder decoder;
  antiphon::error_code ec;
  ASSERT_TRUE(decoder.start(head, limits, {}, ec));
  EXPECT_EQ(run(decoder, "0\r\nA: bcdefgh\r\n\r\n", 4).result, body_result::done) << "12 + 14";
  ASSERT_TRUE(decoder.start(head, limits, {}, ec));
  EXPECT_EQ(run(decoder, "0\r\nA: bcdefghijklm\r\n\r\n", 4).ec, error::trailer_too_large) << "12 + 19";
}

http::response_head until_close() {
  http::response_head head;
  head.body = body_kind::until_close;
  return head;
}

TEST(body_decoder, until_close) {
  http::body_decoder decoder;
  antiphon::error_code ec;
  ASSERT_TRUE(decoder.start(until_close(), {}, {}, ec));
  const auto out = run(decoder, "all of this", 3);
  EXPECT_EQ(out.result, body_result::more);
  EXPECT_EQ(out.content, "all of this");
  EXPECT_FALSE(decoder.done());
  EXPECT_EQ(decoder.finish(ec), body_result::done);
  EXPECT_TRUE(decoder.done());
}

TEST(body_decoder, until_close_has_a_limit) {
  http::body_limits limits;
  limits.size = 10;
  for (std::size_t step = 1; step < 20; ++step) {
    http::body_decoder decoder;
    antiphon::error_code ec;
    ASSERT_TRUE(decoder.start(until_close(), {}, limits, ec));
    EXPECT_EQ(run(decoder, std::string(10, 'x'), step).result, body_result::more);
    ASSERT_TRUE(decoder.start(until_close(), {}, limits, ec));
    for (const std::size_t size : {11U, 1000U}) {
      ASSERT_TRUE(decoder.start(until_close(), {}, limits, ec));
      const auto out = run(decoder, std::string(size, 'x'), step);
      EXPECT_EQ(out.result, body_result::failed);
      EXPECT_EQ(out.ec, error::body_too_large);
      EXPECT_EQ(out.content.size(), 10U);
    }
  }
}

} // namespace
