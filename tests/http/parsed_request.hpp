// SPDX-License-Identifier: BSL-1.0
// A request without a connection.
#pragma once

#include <antiphon/http/request.hpp>
#include <antiphon/http/request_parser.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace http_tests {

/// "POST /" with these lines and a collected body.
struct parsed_request {
  explicit parsed_request(std::string_view lines, std::string_view body = {})
      : head("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n") {
    using access = antiphon::http::detail::request_access;
    antiphon::error_code ec;
    antiphon::http::request_parser parser{antiphon::http::head_limits()};
    EXPECT_EQ(parser.parse(head, access::head(req), ec), antiphon::http::parse_result::done) << ec.message();
    access::begin(req, head.data());
    access::body_in_place(req, body);
  }

  std::string head;
  antiphon::request req;
};

} // namespace http_tests
