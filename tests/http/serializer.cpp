// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/request_reader.hpp>
#include <antiphon/http/response_reader.hpp>
#include <antiphon/http/serializer.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace http = antiphon::http;
using http::fields;
using http::framing;
using http::method;
using http::status;
using namespace std::string_literals;

std::string response(status code, const fields& lines, framing body, std::string_view reason = {}, int minor = 1) {
  std::string out;
  http::append_response_head(out, code, lines, body, reason, minor);
  return out;
}
std::string request(std::string_view verb, std::string_view target, const fields& lines = {},
                    framing body = framing::none()) {
  std::string out;
  http::append_request_head(out, verb, target, lines, body);
  return out;
}

TEST(serializer, responses) {
  EXPECT_EQ(response(status::ok, {}, framing::length(0)), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(response(status::not_found, {{"A", "b"}}, framing::chunked()),
            "HTTP/1.1 404 Not Found\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(response(status::ok, {}, framing::none(), "Fine", 0), "HTTP/1.0 200 Fine\r\n\r\n");
  EXPECT_EQ(response(status{299}, {}, framing::length(18446744073709551615U)),
            "HTTP/1.1 299 \r\nContent-Length: 18446744073709551615\r\n\r\n");
  EXPECT_EQ(response(status::not_modified, {}, framing::length(5)),
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
}

TEST(serializer, requests) {
  EXPECT_EQ(request("GET", "/a?b", {{"Host", "h"}}), "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string out = "before ";
  http::append_request_head(out, method::del, "*", {}, framing::length(3), 0);
  EXPECT_EQ(out, "before DELETE * HTTP/1.0\r\nContent-Length: 3\r\n\r\n");
}

TEST(serializer, chunks) {
  std::string out;
  http::append_chunk_header(out, 26);
  out += "abcdefghijklmnopqrstuvwxyz";
  http::append_chunk_end(out);
  http::append_last_chunk(out);
  EXPECT_EQ(out, "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n");
  out.clear();
  http::append_chunk_header(out, 18446744073709551615U);
  EXPECT_EQ(out, "ffffffffffffffff\r\n");
  out.clear();
  http::append_last_chunk(out, {{"X-Sum", "5"}});
  EXPECT_EQ(out, "0\r\nX-Sum: 5\r\n\r\n");
  EXPECT_THROW(http::append_chunk_header(out, 0), std::invalid_argument) << "it would end the body";
  EXPECT_THROW(http::append_last_chunk(out, {{"content-length", "5"}}), std::invalid_argument);
}

TEST(serializer, one_field) {
  std::string out;
  http::append_field(out, "Name", "value");
  EXPECT_EQ(out, "Name: value\r\n");
}

TEST(serializer, goes_to_anything_with_append) {
  struct output {
    void append(const char* data, std::size_t size) { bytes.insert(bytes.end(), data, data + size); }
    std::vector<char> bytes;
  } out;
  http::append_response_head(out, status::ok, {{"A", "b"}}, framing::chunked());
  EXPECT_EQ(std::string(out.bytes.begin(), out.bytes.end()),
            "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(serializer, nothing_can_split_a_message) {
  for (const auto& evil : {"a\r\nB: c"s, "a\nb"s, "a\rb"s, "a\0b"s, "a\x01"s, "a\x7f"s, "\r\n\r\nHTTP/1.1 200 OK"s}) {
    std::string out;
    EXPECT_THROW(http::append_field(out, "A", evil), std::invalid_argument);
    EXPECT_THROW(http::append_field(out, evil, "a"), std::invalid_argument);
    EXPECT_THROW(http::append_status_line(out, status::ok, evil), std::invalid_argument);
    EXPECT_THROW(http::append_response_head(out, status::ok, {}, framing::none(), evil), std::invalid_argument);
    EXPECT_THROW(http::append_request_head(out, method::get, "/" + evil, {}, framing::none()), std::invalid_argument);
    EXPECT_THROW(http::append_request_head(out, evil, "/", {}, framing::none()), std::invalid_argument);
    EXPECT_THROW(fields({{"A", evil}}), std::invalid_argument);
    EXPECT_EQ(out, "") << "nothing is written before all is checked";
  }
  for (const auto* target : {"", "/a b", "/a#b", "/\xc3\xa4", "/ HTTP/1.1"})
    EXPECT_THROW(request("GET", target), std::invalid_argument) << target;
  for (const auto* verb : {"", "G T", "GET ", "G(T", "G/T"})
    EXPECT_THROW(request(verb, "/"), std::invalid_argument) << verb;
  for (const auto* name : {"", "A ", "A:", "A B", "\xc3\xa4"}) {
    std::string out;
    EXPECT_THROW(http::append_field(out, name, "a"), std::invalid_argument) << name;
  }
}

TEST(serializer, one_framing_only) {
  for (const auto* name : {"Content-Length", "TRANSFER-ENCODING"}) {
    fields lines;
    lines.add(name, "5");
    EXPECT_THROW(response(status::ok, lines, framing::none()), std::invalid_argument);
    EXPECT_THROW(response(status::ok, lines, framing::length(5)), std::invalid_argument);
    EXPECT_THROW(request("GET", "/", lines), std::invalid_argument);
  }
  EXPECT_THROW(response(status::ok, {}, framing::chunked(), {}, 0), std::invalid_argument);
  EXPECT_THROW(response(status::no_content, {}, framing::length(0)), std::invalid_argument);
  EXPECT_THROW(response(status::early_hints, {}, framing::chunked()), std::invalid_argument);
  EXPECT_THROW(response(status{99}, {}, framing::none()), std::invalid_argument);
  EXPECT_THROW(response(status{1000}, {}, framing::none()), std::invalid_argument);
  EXPECT_THROW(response(status::ok, {}, framing::none(), {}, 2), std::invalid_argument);
}

TEST(serializer, says_what_was_wrong) {
  try {
    response(status::ok, {{"Content-Length", "5"}}, framing::none());
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string(e.what()).find("Content-Length is written from the framing"), std::string::npos) << e.what();
  }
}

TEST(serializer, what_it_writes_can_be_read) {
  std::string out;
  http::append_request_head(out, method::post, "/a?b", {{"Host", "h"}}, framing::chunked());
  http::append_chunk_header(out, 5);
  out += "hello";
  http::append_chunk_end(out);
  http::append_last_chunk(out, {{"X-Sum", "1"}});
  http::request_reader requests;
  antiphon::error_code ec;
  requests.append(out);
  ASSERT_EQ(requests.parse(ec), http::parse_result::done) << ec.message();
  EXPECT_EQ(requests.body(), "hello");
  EXPECT_EQ(requests.trailers().get("x-sum"), "1");

  http::response_reader responses;
  responses.append(response(status::created, {{"Location", "/a"}}, framing::length(2)) + "ok");
  ASSERT_EQ(responses.parse(ec), http::parse_result::done) << ec.message();
  EXPECT_EQ(responses.head().status, status::created);
  EXPECT_EQ(responses.body(), "ok");
}

} // namespace
