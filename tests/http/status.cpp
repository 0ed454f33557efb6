// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/status.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace {

using antiphon::http::status;
namespace http = antiphon::http;

static_assert(http::code(status::ok) == 200);
static_assert(http::reason(status::not_found) == "Not Found");

// The IANA registry, without the temporary 104 and the unused 306 and 418.
constexpr int registered[] = {100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301,
                              302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409,
                              410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 425, 426, 428, 429,
                              431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511};

TEST(status, exactly_the_registered_codes_have_a_reason_and_each_its_own) {
  const std::set<int> known(std::begin(registered), std::end(registered));
  std::set<std::string_view> reasons;
  for (int code = 0; code <= 1000; ++code) {
    const auto text = http::reason(status(code));
    EXPECT_EQ(!text.empty(), known.count(code) == 1) << code;
    EXPECT_TRUE(text.empty() || reasons.insert(text).second) << text;
  }
}

TEST(status, every_code_is_in_the_class_of_its_first_digit) {
  for (int code = 100; code < 600; ++code) {
    const auto s = status(code);
    EXPECT_EQ(http::is_informational(s), code / 100 == 1) << code;
    EXPECT_EQ(http::is_success(s), code / 100 == 2) << code;
    EXPECT_EQ(http::is_redirection(s), code / 100 == 3) << code;
    EXPECT_EQ(http::is_client_error(s), code / 100 == 4) << code;
    EXPECT_EQ(http::is_server_error(s), code / 100 == 5) << code;
  }
}

TEST(status, is_valid_with_three_digits) {
  for (const int code : {0, 1, 99, 1000, 65535}) EXPECT_FALSE(http::is_valid(status(code))) << code;
  for (const int code : {100, 299, 599, 999}) EXPECT_TRUE(http::is_valid(status(code))) << code;
}

TEST(status, has_no_body_in_1xx_204_and_304_only) {
  for (int code = 100; code < 600; ++code)
    EXPECT_EQ(http::bodiless(status(code)), code < 200 || code == 204 || code == 304) << code;
}

} // namespace
