// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/response_parser.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

namespace http = antiphon::http;
using http::body_kind;
using http::error;
using http::method;
using http::parse_result;
using namespace std::string_literals;

struct parsed_response {
  explicit parsed_response(std::string input, method asked = method::get,
                           const http::head_limits& limits = http::response_head_limits())
      : block(std::move(input)) {
    http::response_parser parser(limits);
    result = parser.parse(block, asked, head, ec);
    http::response_head other;
    for (std::size_t size = 1; size < block.size(); ++size) { // byte by byte it is the same
      antiphon::error_code why;
      const auto so_far = split_.parse(std::string_view(block).substr(0, size), asked, other, why);
      if (so_far == parse_result::more) continue;
      EXPECT_EQ(so_far, result) << block;
      EXPECT_EQ(why, ec) << block;
      break;
    }
  }
  error why() const { return ec ? static_cast<error>(ec.value()) : error{}; }
  std::string_view reason() const { return head.reason(block.data()); }

  std::string block;
  http::response_head head;
  antiphon::error_code ec;
  parse_result result;

 private:
  http::response_parser split_;
};

error refused_response(std::string input) {
  const parsed_response p(std::move(input));
  EXPECT_EQ(p.result, parse_result::failed) << p.block;
  return p.why();
}

TEST(response_parser, fills_the_head) {
  const parsed_response p(
      "HTTP/1.1 404 Not  Found\t\xc3\xa4\r\nServer: x\r\nContent-Length:\t7\t\r\nconnection: Close\r\n\r\nrest");
  ASSERT_EQ(p.result, parse_result::done) << p.ec.message();
  EXPECT_EQ(p.head.status, http::status::not_found);
  EXPECT_EQ(p.reason(), "Not  Found\t\xc3\xa4");
  EXPECT_EQ(p.head.version_minor, 1);
  EXPECT_EQ(p.head.count, 3);
  EXPECT_EQ(p.head.content_length, 7U);
  EXPECT_EQ(p.head.body, body_kind::length);
  EXPECT_FALSE(p.head.keep_alive);
  EXPECT_FALSE(p.head.upgrade);
  EXPECT_EQ(p.head.size, p.block.size() - 4);
  ASSERT_NE(p.head.find(p.block.data(), "SERVER"), nullptr);
  EXPECT_EQ(p.head.value(p.block.data(), *p.head.find(p.block.data(), "SERVER")), "x");
}

TEST(response_parser, a_reason_is_optional_but_its_space_is_not) {
  const parsed_response p("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(p.result, parse_result::done);
  EXPECT_EQ(p.reason(), "");
  EXPECT_EQ(refused_response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), error::bad_status_line);
}

TEST(response_parser, status_line) {
  for (const auto* bad : {"HTTP/1.1\r\n",           "HTTP/1.1 \r\n",           "HTTP/1.1 20 OK\r\n",
                          "HTTP/1.1 2000 OK\r\n",   "HTTP/1.1 20x OK\r\n",     "HTTP/1.1 099 OK\r\n",
                          "HTTP/1.1  200 OK\r\n",   "HTTP/1.1\t200 OK\r\n",    "HTTP/1.1 200\tOK\r\n",
                          "HTTP/1.1 -20 OK\r\n",    "HTTP/1.1 200OK\r\n",      " HTTP/1.1 200 OK\r\n",
                          "HTTP 200 OK\r\n",        "http/1.1 200 OK\r\n",     "ICY 200 OK\r\n",
                          "GET / HTTP/1.1\r\n",     "\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.1 200 O\x01\r\n",
                          "HTTP/1.1 200 O\x7f\r\n", "HTTP/11 200 OK\r\n",      "HTTP/1,1 200 OK\r\n"})
    EXPECT_EQ(refused_response(bad), error::bad_status_line) << bad;
  EXPECT_EQ(refused_response("HTTP/1.1 200 O\0K\r\n"s), error::nul_byte);
  EXPECT_EQ(refused_response("HTTP/1.1 200 OK\n"), error::bare_lf);
  EXPECT_EQ(refused_response("HTTP/1.1 200 OK\rX"), error::bare_cr);
  EXPECT_EQ(refused_response("HTTP/2.0 200 OK\r\n"), error::unsupported_version);
  EXPECT_EQ(refused_response("HTTP/0.9 200 OK\r\n"), error::unsupported_version);
  EXPECT_EQ(refused_response("HTTP/1.2 200 OK\r\n"), error::bad_version);
  EXPECT_EQ(refused_response("HTTP/1.10 200 OK\r\n"), error::bad_status_line);
  EXPECT_EQ(refused_response("HTTP/1.1 200 " + std::string(9000, 'a')), error::bad_status_line);
  EXPECT_EQ(parsed_response("HTTP/1.1 999 ?\r\n\r\n").result, parse_result::done);
}

TEST(response_parser, bodies) {
  const std::string length = "Content-Length: 5\r\n\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
  const auto body = [](const std::string& status, const std::string& rest, method asked = method::get) {
    const parsed_response p("HTTP/1.1 " + status + " X\r\n" + rest, asked);
    EXPECT_EQ(p.result, parse_result::done) << p.block << p.ec.message();
    return p.head.body;
  };
  EXPECT_EQ(body("200", length), body_kind::length);
  EXPECT_EQ(body("200", "Content-Length: 0\r\n\r\n"), body_kind::none);
  EXPECT_EQ(body("200", chunked), body_kind::chunked);
  EXPECT_EQ(body("200", "\r\n"), body_kind::until_close);
  for (const auto* status : {"100", "101", "102", "103", "199", "204", "304"})
    for (const auto& rest : {length, chunked, "\r\n"s})
      EXPECT_EQ(body(status, rest), body_kind::none) << status << rest;
  for (const auto& rest : {length, chunked, "\r\n"s}) {
    EXPECT_EQ(body("200", rest, method::head), body_kind::none) << rest;
    EXPECT_EQ(body("404", rest, method::head), body_kind::none) << rest;
    EXPECT_EQ(body("200", rest, method::connect), body_kind::none) << rest;
  }
  EXPECT_EQ(body("407", length, method::connect), body_kind::length);
}

TEST(response_parser, connection) {
  EXPECT_TRUE(parsed_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parsed_response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(
      parsed_response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parsed_response("HTTP/1.1 200 OK\r\n\r\n").head.keep_alive) << "the end of the stream ends the body";
  EXPECT_TRUE(parsed_response("HTTP/1.1 304 X\r\n\r\n").head.keep_alive);
}

TEST(response_parser, upgrades) {
  const parsed_response p("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81");
  EXPECT_TRUE(p.head.upgrade);
  EXPECT_FALSE(p.head.interim());
  EXPECT_EQ(p.head.size, p.block.size() - 1);
  EXPECT_TRUE(parsed_response("HTTP/1.1 200 OK\r\n\r\n", method::connect).head.upgrade);
  EXPECT_FALSE(parsed_response("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", method::connect).head.upgrade);
  EXPECT_FALSE(parsed_response("HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n")
                   .head.upgrade)
      << "an offer, not a switch";
}

TEST(response_parser, interim) {
  EXPECT_TRUE(parsed_response("HTTP/1.1 100 Continue\r\n\r\n").head.interim());
  EXPECT_TRUE(parsed_response("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").head.interim());
  EXPECT_FALSE(parsed_response("HTTP/1.1 200 OK\r\n\r\n").head.interim());
}

TEST(response_parser, lengths_that_contradict_each_other) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(refused_response(ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), error::repeated_content_length);
  EXPECT_EQ(refused_response(ok + "Content-Length: 5, 5\r\n\r\n"), error::repeated_content_length);
  EXPECT_EQ(refused_response(ok + "Content-Length: +5\r\n\r\n"), error::bad_content_length);
  EXPECT_EQ(refused_response(ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
            error::conflicting_lengths);
  EXPECT_EQ(refused_response(ok + "Transfer-Encoding: gzip\r\n\r\n"), error::unsupported_transfer_coding);
  EXPECT_EQ(refused_response(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n"), error::unsupported_transfer_coding);
  EXPECT_EQ(refused_response(ok + "Transfer-Encoding: chunked, chunked\r\n\r\n"), error::repeated_transfer_coding);
  EXPECT_EQ(refused_response(ok + "Transfer-Encoding:\r\n\r\n"), error::bad_transfer_coding);
  EXPECT_EQ(refused_response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            error::transfer_coding_in_http_1_0);
}

TEST(response_parser, field_lines) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(refused_response(ok + "A : b\r\n\r\n"), error::space_before_colon);
  EXPECT_EQ(refused_response(ok + ": b\r\n\r\n"), error::bad_field_name);
  EXPECT_EQ(refused_response(ok + "A\r\n\r\n"), error::bad_field_line);
  EXPECT_EQ(refused_response(ok + " A: b\r\n\r\n"), error::space_before_field);
  EXPECT_EQ(refused_response(ok + "A: b\r\n c\r\n\r\n"), error::obs_fold);
  EXPECT_EQ(refused_response(ok + "A: b\nC: d\r\n\r\n"), error::bare_lf);
  EXPECT_EQ(refused_response(ok + "A: b\rC: d\r\n\r\n"), error::bare_cr);
  EXPECT_EQ(refused_response(ok + "A: \0\r\n\r\n"s), error::nul_byte);
  EXPECT_EQ(parsed_response(ok + "Host: a b\r\nHost:\r\nExpect: x\r\n\r\n").result, parse_result::done)
      << "mean nothing in a response";
}

TEST(response_parser, one_object_for_all_messages) {
  http::response_parser parser;
  http::response_head head;
  antiphon::error_code ec;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(parser.parse("HTTP/1.1 100 Continue\r\n\r\n", method::post, head, ec), parse_result::done);
    EXPECT_EQ(parser.parse("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n", method::head, head, ec),
              parse_result::done);
    EXPECT_EQ(parser.parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method::get, head, ec), parse_result::done);
    EXPECT_EQ(head.content_length, 5U);
    EXPECT_EQ(parser.parse("HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", method::get, head, ec),
              parse_result::done);
    EXPECT_EQ(parser.parse("HTTP/1.1 200 OK\r\n\r\n", method::get, head, ec), parse_result::done);
    EXPECT_EQ(parser.parse("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", method::get, head, ec), parse_result::failed);
    EXPECT_EQ(parser.parse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", method::get, head, ec),
              parse_result::failed);
  }
}

TEST(response_parser, limits) {
  http::head_limits limits;
  limits.start_line = 20;
  limits.header_bytes = 50;
  limits.one_field = 30;
  limits.fields = 2;
  const auto reason = [&](std::size_t n) {
    return parsed_response("HTTP/1.1 200 " + std::string(n, 'a') + "\r\n\r\n", method::get, limits);
  };
  EXPECT_EQ(reason(7).result, parse_result::done);
  EXPECT_EQ(reason(8).why(), error::bad_status_line);
  EXPECT_EQ(reason(2000).why(), error::bad_status_line);
  const auto rest = [&](const std::string& lines) {
    return parsed_response("HTTP/1.1 200 OK\r\n" + lines + "\r\n", method::get, limits);
  };
  EXPECT_EQ(rest("A:" + std::string(28, 'a') + "\r\n").result, parse_result::done);
  EXPECT_EQ(rest("A:" + std::string(29, 'a') + "\r\n").why(), error::field_too_large);
  EXPECT_EQ(rest("A:" + std::string(3000, 'a') + "\r\n").why(), error::field_too_large);
  const auto two = [&](std::size_t n) {
    return rest("A:" + std::string(20, 'a') + "\r\nB:" + std::string(n, 'b') + "\r\n");
  };
  EXPECT_EQ(two(20).result, parse_result::done);
  EXPECT_EQ(two(21).why(), error::head_too_large);
  EXPECT_EQ(rest("A:b\r\nA:b\r\n").result, parse_result::done);
  EXPECT_EQ(rest("A:b\r\nA:b\r\nA:b\r\n").why(), error::too_many_fields);
}

} // namespace
