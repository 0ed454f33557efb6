// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/error.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace {

using antiphon::error_code;
using antiphon::http::error;
using antiphon::http::status;
namespace http = antiphon::http;

constexpr int last = static_cast<int>(error::unexpected_response_bytes);

TEST(http_error, converts_to_a_code_of_its_own_category) {
  const error_code ec = error::conflicting_lengths;
  EXPECT_TRUE(ec);
  EXPECT_STREQ(ec.category().name(), "antiphon.http");
  EXPECT_EQ(&ec.category(), &http::error_category());
  EXPECT_EQ(ec, error::conflicting_lengths);
  EXPECT_NE(ec, error::bad_content_length);
  EXPECT_NE(ec, error_code(ec.value(), antiphon::asio::error::get_system_category()));
}

TEST(http_error, each_says_something_of_its_own) {
  std::set<std::string> seen;
  for (int value = 1; value <= last; ++value) {
    const auto text = http::error_category().message(value);
    EXPECT_EQ(text.find("unknown"), std::string::npos) << value;
    EXPECT_GT(text.size(), 20u) << text;
    EXPECT_TRUE(seen.insert(text).second) << text;
  }
  EXPECT_NE(http::error_category().message(0).find("unknown"), std::string::npos);
  EXPECT_NE(http::error_category().message(last + 1).find("unknown"), std::string::npos);
}

TEST(http_error, the_status_is_400_but_where_http_has_a_better_one) {
  EXPECT_EQ(http::status_of(error::uri_too_long), status::uri_too_long);
  EXPECT_EQ(http::status_of(error::unsupported_version), status::http_version_not_supported);
  EXPECT_EQ(http::status_of(error::head_too_large), status::request_header_fields_too_large);
  EXPECT_EQ(http::status_of(error::field_too_large), status::request_header_fields_too_large);
  EXPECT_EQ(http::status_of(error::too_many_fields), status::request_header_fields_too_large);
  EXPECT_EQ(http::status_of(error::trailer_too_large), status::request_header_fields_too_large);
  EXPECT_EQ(http::status_of(error::unsupported_transfer_coding), status::not_implemented);
  EXPECT_EQ(http::status_of(error::body_too_large), status::content_too_large);
  EXPECT_EQ(http::status_of(error::unsupported_expectation), status::expectation_failed);
  for (const auto large : {error::part_head_too_large, error::too_many_parts, error::bytes_outside_parts})
    EXPECT_EQ(http::status_of(large), status::content_too_large);
  EXPECT_EQ(http::status_of(error::unsupported_media_type), status::unsupported_media_type);
  EXPECT_EQ(http::status_of(error::head_timeout), status::request_timeout);
  EXPECT_EQ(http::status_of(error::body_timeout), status::request_timeout);
  EXPECT_EQ(http::status_of(error::body_too_slow), status::request_timeout);
  EXPECT_EQ(http::status_of(error::bad_status_line), status::bad_gateway);
  EXPECT_EQ(http::status_of(error::bad_transfer_coding), status::bad_request);
  EXPECT_EQ(http::status_of(error::chunk_overhead), status::bad_request);
  int bad_requests = 0;
  for (int value = 1; value <= last; ++value) {
    const auto s = http::status_of(static_cast<error>(value));
    EXPECT_TRUE(http::is_client_error(s) || http::is_server_error(s)) << value;
    bad_requests += s == status::bad_request;
  }
  EXPECT_EQ(bad_requests, last - 21) << "a new error needs a decision on its status";
}

TEST(http_error, the_status_of_a_foreign_code_is_500) {
  EXPECT_EQ(http::status_of(error_code(error::bad_host)), status::bad_request);
  EXPECT_EQ(http::status_of(error_code(antiphon::asio::error::eof)), status::internal_server_error);
}

} // namespace
