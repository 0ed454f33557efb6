// SPDX-License-Identifier: BSL-1.0
#include "parsed_request.hpp"

#include <antiphon/http/form_urlencoded.hpp>
#include <antiphon/http/problem.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

namespace ap = antiphon;
using ap::http::error;
using http_tests::parsed_request;

const std::string form_line = "Content-Type: application/x-www-form-urlencoded\r\n";

TEST(form_urlencoded, is_read_from_the_body_of_a_request) {
  parsed_request r(form_line, "a+b=1%2B2&c=&a+b=%e2%82%ac");
  ap::error_code ec = error::bad_host;
  const auto form = ap::form_of(r.req, ec);
  EXPECT_FALSE(ec);
  EXPECT_EQ(form.get("a b"), "1+2");
  EXPECT_EQ(form.get("c"), "");
  EXPECT_EQ(form.get_all("a b")[1], "\xe2\x82\xac");
  EXPECT_EQ(form.get("d"), std::nullopt);
  EXPECT_EQ(ap::form_of(r.req).size(), 3U);
  EXPECT_TRUE(ap::form_of(parsed_request(form_line).req).empty());
}

TEST(form_urlencoded, of_another_content_type_is_an_error_that_can_be_answered_with) {
  const struct {
    const char* lines;
    bool read;
  } cases[] = {
      {"Content-Type: Application/X-WWW-Form-Urlencoded; charset=UTF-8\r\n", true},
      {"", false},
      {"Content-Type:\r\n", false},
      {"Content-Type: text/plain\r\n", false},
      {"Content-Type: multipart/form-data; boundary=x\r\n", false},
      {"Content-Type: application/x-www-form-urlencoded2\r\n", false},
      {"Content-Type: application/x-www-form-urlencoded, text/plain\r\n", false},
  };
  for (const auto& c : cases) {
    parsed_request r(c.lines, "a=1");
    ap::error_code ec;
    EXPECT_EQ(ap::form_of(r.req, ec).size(), c.read ? 1U : 0U) << c.lines;
    EXPECT_EQ(ec, c.read ? ap::error_code() : ap::error_code(error::unsupported_media_type)) << c.lines;
  }
  const ap::http::problem answer{ap::error_code(error::unsupported_media_type)};
  EXPECT_EQ(answer.status(), ap::http::status::unsupported_media_type);
  EXPECT_NE(answer.to_json().find("\"detail\":\"the Content-Type"), std::string::npos) << answer.to_json();
  EXPECT_THROW(static_cast<void>(ap::form_of(parsed_request("").req)), ap::system_error);
}

TEST(form_urlencoded, has_a_limit) {
  constexpr std::size_t limit = 10;
  for (const std::size_t count : {limit, limit + 1, 100 * limit}) {
    std::string body;
    for (std::size_t i = 0; i < count; ++i) body += "&a=1";
    parsed_request r(form_line, body);
    ap::error_code ec;
    EXPECT_EQ(ap::form_of(r.req, ec, limit).size(), count == limit ? limit : 0U);
    EXPECT_EQ(ec, count == limit ? ap::error_code() : ap::error_code(error::too_many_parameters));
  }
  EXPECT_EQ(ap::http::problem(ap::error_code(error::too_many_parameters)).status(), ap::http::status::bad_request);
}

} // namespace
