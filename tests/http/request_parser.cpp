// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/request_parser.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

namespace http = antiphon::http;
using http::error;
using http::parse_result;
using namespace std::string_literals;

struct parsed {
  explicit parsed(std::string input, const http::head_limits& limits = {}) : block(std::move(input)) {
    http::request_parser parser(limits);
    result = parser.parse(block, head, ec);
  }
  error why() const { return ec.category() == http::error_category() ? static_cast<error>(ec.value()) : error{}; }
  std::string_view get(std::string_view name) const {
    const auto* field = head.find(block.data(), name);
    return field ? head.value(block.data(), *field) : "(none)";
  }

  std::string block;
  http::request_head head;
  antiphon::error_code ec;
  parse_result result;
};

error refusal(std::string input) {
  const parsed p(std::move(input));
  EXPECT_EQ(p.result, parse_result::failed) << p.block;
  return p.why();
}

TEST(request_parser, fills_the_head) {
  const parsed p("\r\nPOST /a/b?c=d HTTP/1.1\r\nHost: h:80\r\nX-One:\t1 \r\nContent-Length: 7\r\n\r\nGET");
  ASSERT_EQ(p.result, parse_result::done);
  const char* base = p.block.data();
  EXPECT_EQ(p.head.verb, http::method::post);
  EXPECT_EQ(p.head.method_ref.in(base), "POST");
  EXPECT_EQ(p.head.raw_target(base), "/a/b?c=d");
  EXPECT_EQ(p.head.path(base), "/a/b");
  EXPECT_TRUE(p.head.has_query);
  EXPECT_EQ(p.head.query(base), "c=d");
  EXPECT_EQ(p.head.authority(base), "h:80");
  EXPECT_EQ(p.head.form, http::target_form::origin);
  EXPECT_EQ(p.head.version_minor, 1);
  EXPECT_EQ(p.head.count, 3);
  EXPECT_EQ(p.get("x-one"), "1");
  EXPECT_EQ(p.get("host"), "h:80");
  EXPECT_EQ(p.get("x-two"), "(none)");
  EXPECT_TRUE(p.head.has_length);
  EXPECT_EQ(p.head.content_length, 7U);
  EXPECT_FALSE(p.head.chunked);
  EXPECT_TRUE(p.head.keep_alive);
  EXPECT_FALSE(p.head.upgrade);
  EXPECT_FALSE(p.head.expect_continue);
  EXPECT_FALSE(p.head.bad_expect);
  EXPECT_EQ(p.head.size, p.block.size() - 3);
}

TEST(request_parser, target_forms) {
  const parsed plain("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(plain.head.has_query);
  EXPECT_EQ(plain.head.query(plain.block.data()), "");
  const parsed empty_query("GET /a? HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(empty_query.head.has_query);
  EXPECT_EQ(empty_query.head.query(empty_query.block.data()), "");
  EXPECT_EQ(empty_query.head.path(empty_query.block.data()), "/a");

  const parsed absolute("GET http://b:81/x?y HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(absolute.head.form, http::target_form::absolute);
  EXPECT_EQ(absolute.head.authority(absolute.block.data()), "b:81") << "replaces Host";
  EXPECT_EQ(absolute.head.path(absolute.block.data()), "/x");
  EXPECT_EQ(absolute.head.query(absolute.block.data()), "y");

  const parsed bare("GET http://b?y HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(bare.head.path(bare.block.data()), "/");
  EXPECT_EQ(bare.head.query(bare.block.data()), "y");
  EXPECT_EQ(bare.head.authority(bare.block.data()), "b");

  const parsed asterisk("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(asterisk.head.form, http::target_form::asterisk);
  EXPECT_EQ(asterisk.head.path(asterisk.block.data()), "*");
  EXPECT_EQ(asterisk.head.authority(asterisk.block.data()), "h");

  const parsed connect("CONNECT b:443 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(connect.result, parse_result::done);
  EXPECT_EQ(connect.head.verb, http::method::connect);
  EXPECT_EQ(connect.head.form, http::target_form::authority);
  EXPECT_EQ(connect.head.authority(connect.block.data()), "b:443");
  EXPECT_EQ(connect.head.path(connect.block.data()), "");
}

// Sixteen bytes of a path are looked at together: every place in them, and every size.
TEST(request_parser, paths_of_all_sizes_with_each_byte_in_each_place) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 1; at < size; ++at) {
      for (unsigned byte = 0x21; byte < 0x100; ++byte) {
        const auto c = static_cast<char>(byte);
        std::string path(size, 'x');
        path[0] = '/';
        path[at] = c;
        const parsed p("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
        if (c == '?') {
          EXPECT_EQ(p.head.path(p.block.data()), path.substr(0, at));
          EXPECT_EQ(p.head.query(p.block.data()), path.substr(at + 1));
          continue;
        }
        const bool taken = http::is_target_char(c) && c != '%';
        EXPECT_EQ(p.why(), taken          ? error{}
                           : byte == 0x7f ? error::bad_request_line
                                          : error::bad_target)
            << path << ' ' << byte;
        if (taken) {
          EXPECT_EQ(p.head.plain_path, c != '.') << path;
        }
      }
    }
  }
}

TEST(request_parser, http_1_0) {
  const parsed p("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\nExpect: tea\r\n\r\n");
  ASSERT_EQ(p.result, parse_result::done);
  EXPECT_EQ(p.head.version_minor, 0);
  EXPECT_FALSE(p.head.keep_alive);
  EXPECT_FALSE(p.head.upgrade);
  EXPECT_FALSE(p.head.bad_expect);
  EXPECT_EQ(p.head.authority(p.block.data()), "");
}

TEST(request_parser, every_method) {
  for (std::size_t i = 0; i < http::method_count; ++i) {
    const auto verb = static_cast<http::method>(i);
    const auto* target = verb == http::method::connect ? " a:80" : " /";
    const parsed p(std::string(http::to_string(verb)) + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(p.result, parse_result::done) << http::to_string(verb);
    EXPECT_EQ(p.head.verb, verb);
  }
}

TEST(request_parser, expectations) {
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n";
  const parsed good(post + "Expect: 100-continue\r\n\r\n");
  EXPECT_TRUE(good.head.expect_continue);
  EXPECT_FALSE(good.head.bad_expect);
  const parsed bad(post + "Expect: 100-continue\r\nExpect: tea\r\n\r\n");
  EXPECT_EQ(bad.result, parse_result::done) << "it is well-formed: 417 is the session's answer";
  EXPECT_TRUE(bad.head.bad_expect);
  const parsed list(post + "Expect: 100-continue, tea\r\n\r\n");
  EXPECT_TRUE(list.head.bad_expect);
  const parsed no_body("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(no_body.head.expect_continue) << "there is nothing to wait for";
  const parsed chunked("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(chunked.head.expect_continue);
}

TEST(request_parser, upgrade) {
  const parsed p("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n\x81");
  EXPECT_EQ(p.result, parse_result::done);
  EXPECT_TRUE(p.head.upgrade);
  EXPECT_TRUE(p.head.keep_alive);
  EXPECT_EQ(p.head.size, p.block.size() - 1);
}

TEST(request_parser, one_object_for_all_messages) {
  const std::string heads[] = {
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "GET /b?c HTTP/1.0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: tea\r\n\r\n",
      "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      "POST http://b HTTP/1.1\r\nHost: a\r\nContent-Length:\t5\t\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\r\nGET / HTTP/1.1\r\n\r\n",
  };
  // Whatever came before, a head means the same.
  for (const auto& first : heads)
    for (const auto& second : heads) {
      http::request_parser parser;
      http::request_head head;
      antiphon::error_code ec;
      parser.parse(first, head, ec);
      ec = {};
      const auto result = parser.parse(second, head, ec);
      const parsed fresh(second);
      ASSERT_EQ(result, fresh.result) << first << second;
      ASSERT_EQ(ec, fresh.ec);
      if (result != parse_result::done) continue;
      EXPECT_EQ(head.verb, fresh.head.verb);
      EXPECT_EQ(head.size, fresh.head.size);
      EXPECT_EQ(head.count, fresh.head.count);
      EXPECT_EQ(head.form, fresh.head.form);
      EXPECT_EQ(head.has_query, fresh.head.has_query);
      EXPECT_EQ(head.path(second.data()), fresh.head.path(second.data()));
      EXPECT_EQ(head.query(second.data()), fresh.head.query(second.data()));
      EXPECT_EQ(head.authority(second.data()), fresh.head.authority(second.data()));
      EXPECT_EQ(head.keep_alive, fresh.head.keep_alive);
      EXPECT_EQ(head.chunked, fresh.head.chunked);
      EXPECT_EQ(head.content_length, fresh.head.content_length);
      EXPECT_EQ(head.upgrade, fresh.head.upgrade);
      EXPECT_EQ(head.bad_expect, fresh.head.bad_expect);
    }
}

TEST(request_parser, reset_forgets_half_a_head) {
  http::request_parser parser;
  http::request_head head;
  antiphon::error_code ec;
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.parse("GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaa", head, ec), parse_result::more);
  EXPECT_FALSE(parser.idle());
  parser.reset();
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.parse("PUT / HTTP/1.1\r\nHost: a\r\n\r\n", head, ec), parse_result::done);
  EXPECT_EQ(head.verb, http::method::put);
}

TEST(request_parser, the_block_may_move_while_it_grows) {
  const std::string whole = "\r\nPOST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
  http::request_parser parser;
  http::request_head head;
  antiphon::error_code ec;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::string block(whole, 0, size);
    const auto result = parser.parse(block, head, ec);
    ASSERT_EQ(result, size == whole.size() ? parse_result::done : parse_result::more) << size;
    if (result == parse_result::more) continue;
    EXPECT_EQ(head.query(block.data()), "b");
  }
}

TEST(request_parser, names_what_was_wrong) {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(refusal("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), error::bad_method);
  EXPECT_EQ(refusal("G{T"), error::bad_method);
  EXPECT_EQ(refusal("\x16\x03\x01"), error::bad_request_line);
  EXPECT_EQ(refusal("\x80"), error::bad_method);
  EXPECT_EQ(refusal("\r\n\r\n"), error::bad_request_line);
  EXPECT_EQ(refusal(std::string(33, 'A')), error::bad_method);
  EXPECT_EQ(refusal("GET /\r\n"), error::bad_request_line);
  EXPECT_EQ(refusal("GET  / HTTP/1.1\r\n"), error::bad_request_line);
  EXPECT_EQ(refusal("GET /  HTTP/1.1\r\n"), error::bad_request_line);
  EXPECT_EQ(refusal("GET\t/ HTTP/1.1\r\n"), error::bad_method) << "a tab is no part of a token";
  EXPECT_EQ(refusal("GET /\tHTTP/1.1\r\n"), error::bad_request_line);
  EXPECT_EQ(refusal("GET /#a HTTP/1.1\r\n"), error::bad_target);
  EXPECT_EQ(refusal("GET /%g0 HTTP/1.1\r\n"), error::bad_target);
  EXPECT_EQ(refusal("GET * HTTP/1.1\r\n"), error::bad_target);
  EXPECT_EQ(refusal("GET http://u@a/ HTTP/1.1\r\n"), error::bad_target);
  EXPECT_EQ(refusal("GET / HTTP/1.2\r\n"), error::bad_version);
  EXPECT_EQ(refusal("GET / RTSP/1.0\r\n"), error::bad_version);
  EXPECT_EQ(refusal("GET / HTTP/2.0\r\n"), error::unsupported_version);
  EXPECT_EQ(refusal("GET /" + std::string(9000, 'a')), error::uri_too_long);
  EXPECT_EQ(refusal(get + "A : b\r\n\r\n"), error::space_before_colon);
  EXPECT_EQ(refusal(get + ": b\r\n\r\n"), error::bad_field_name);
  EXPECT_EQ(refusal(get + "A B: b\r\n\r\n"), error::bad_field_name);
  EXPECT_EQ(refusal(get + "A\r\n\r\n"), error::bad_field_line);
  EXPECT_EQ(refusal(get + "A: \x01"), error::bad_field_value);
  EXPECT_EQ(refusal(get + "A: \0"s), error::nul_byte);
  EXPECT_EQ(refusal(get + " A: b"), error::obs_fold);
  EXPECT_EQ(refusal(get + "A: b\rC"), error::bare_cr);
  EXPECT_EQ(refusal(get + "A: b\n"), error::bare_lf);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n A: b"), error::space_before_field);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), error::missing_host);
  EXPECT_EQ(refusal(get + "Host: a\r\n\r\n"), error::repeated_host);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), error::bad_host);
  EXPECT_EQ(refusal(get + "Content-Length: x\r\n\r\n"), error::bad_content_length);
  EXPECT_EQ(refusal(get + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), error::repeated_content_length);
  EXPECT_EQ(refusal(get + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), error::conflicting_lengths);
  EXPECT_EQ(refusal(get + "Transfer-Encoding: gzip\r\n\r\n"), error::unsupported_transfer_coding);
  EXPECT_EQ(refusal(get + "Transfer-Encoding: ,\r\n\r\n"), error::bad_transfer_coding);
  EXPECT_EQ(refusal("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), error::transfer_coding_in_http_1_0);
  EXPECT_EQ(refusal("BREW / HTTP/1.1\r\nHost : a\r\n\r\n"), error::bad_method) << "the first of two";
}

TEST(request_parser, refuses_early) {
  // At the first bad byte, or at the end of the line that is wrong: a peer that speaks another protocol is told at
  // once.
  for (const std::string input : {"{", "\x16", "GET / HTTP/2.0\r\n", "GET /\r\n", "GET / HTTP/1.1\r\nA: \x01"})
    EXPECT_EQ(parsed(input).result, parse_result::failed) << input;
  for (const std::string input : {"G", "GET / HTTP/2.0", "GET / HTTP/2.0\r", "GET / HTTP/1.1\r\nA: b"})
    EXPECT_EQ(parsed(input).result, parse_result::more) << input;
}

TEST(request_parser, limits) {
  http::head_limits limits;
  limits.start_line = 30;
  limits.header_bytes = 100;
  limits.one_field = 50;
  limits.fields = 4;
  const auto target = [&](std::size_t n) {
    return parsed("GET /" + std::string(n, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits);
  };
  EXPECT_EQ(target(16).result, parse_result::done);
  EXPECT_EQ(target(17).why(), error::uri_too_long);
  EXPECT_EQ(target(3000).why(), error::uri_too_long);
  const auto one = [&](std::size_t n) {
    return parsed("GET / HTTP/1.1\r\nHost: a\r\nA:" + std::string(n, 'a') + "\r\n\r\n", limits);
  };
  EXPECT_EQ(one(48).result, parse_result::done);
  EXPECT_EQ(one(49).why(), error::field_too_large);
  EXPECT_EQ(one(5000).why(), error::field_too_large);
  const auto all = [&](std::size_t n) { // 9 + 45 + n + 4 + 2
    return parsed(
        "GET / HTTP/1.1\r\nHost: a\r\nA:" + std::string(41, 'a') + "\r\nB:" + std::string(n, 'b') + "\r\n\r\n", limits);
  };
  EXPECT_EQ(all(40).result, parse_result::done);
  EXPECT_EQ(all(41).why(), error::head_too_large);
  EXPECT_EQ(all(4000).why(), error::head_too_large);
  const auto count = [&](std::size_t n) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < n; ++i) text += "A:b\r\n";
    return parsed(text + "\r\n", limits);
  };
  EXPECT_EQ(count(4).result, parse_result::done);
  EXPECT_EQ(count(5).why(), error::too_many_fields);
  EXPECT_EQ(count(400).why(), error::too_many_fields);
}

TEST(request_parser, a_hundred_fields) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 1; i < 100; ++i) text += "N" + std::to_string(i) + ": " + std::to_string(i) + "\r\n";
  const parsed p(text + "\r\n");
  ASSERT_EQ(p.result, parse_result::done);
  EXPECT_EQ(p.head.count, 100);
  EXPECT_EQ(p.get("n99"), "99");
}

} // namespace
