// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/error.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

namespace ap = antiphon;

TEST(core_error, is_an_error_code_with_a_sentence) {
  const ap::error_code ec = ap::error::draining;
  EXPECT_EQ(ec, ap::error::draining);
  EXPECT_TRUE(ec);
  EXPECT_STREQ(ec.category().name(), "antiphon");
  EXPECT_NE(ec.message().find("stopping"), std::string::npos);
  EXPECT_NE(ap::error_code(99, ap::error_category()).message(), ec.message());
  EXPECT_NE(ec, ap::error_code(asio::error::operation_aborted));
}

TEST(core_error, knows_a_disconnect) {
  EXPECT_TRUE(ap::is_disconnect(asio::error::eof));
  EXPECT_TRUE(ap::is_disconnect(asio::error::connection_reset));
  EXPECT_TRUE(ap::is_disconnect(asio::error::connection_aborted));
  EXPECT_TRUE(ap::is_disconnect(asio::error::broken_pipe));
  EXPECT_FALSE(ap::is_disconnect(ap::error_code()));
  EXPECT_FALSE(ap::is_disconnect(asio::error::operation_aborted));
  EXPECT_FALSE(ap::is_disconnect(asio::error::timed_out));
  EXPECT_FALSE(ap::is_disconnect(ap::error::draining));
}

} // namespace
