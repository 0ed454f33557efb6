// SPDX-License-Identifier: BSL-1.0
#include "parsed_request.hpp"

#include <antiphon/http/joined_lines.hpp>

#include <gtest/gtest.h>

#include <optional>

namespace {

using antiphon::http::joined_lines;
using http_tests::parsed_request;

TEST(joined_lines, makes_one_list_of_all) {
  const parsed_request r("Accept: a\r\nX: 1\r\naccept: b, c\r\nACCEPT: d\r\n");
  EXPECT_EQ(joined_lines(r.req, "Accept"), "a, b, c, d");
  EXPECT_EQ(joined_lines(r.req, "x"), "1");
}

TEST(joined_lines, tells_an_empty_field_from_none) {
  const parsed_request r("Accept-Encoding:\r\n");
  EXPECT_EQ(joined_lines(r.req, "Accept-Encoding"), "");
  EXPECT_EQ(joined_lines(r.req, "Accept"), std::nullopt);
}

} // namespace
