// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/limits.hpp>

#include <gtest/gtest.h>

#include <type_traits>

namespace {

namespace http = antiphon::http;

TEST(limits, defaults_are_the_documented_ones) {
  constexpr http::head_limits head;
  static_assert(head.start_line == 8 * 1024);
  static_assert(head.header_bytes == 32 * 1024);
  static_assert(head.one_field == 8 * 1024);
  static_assert(head.fields == 100 && http::head_limits::max_fields == 100);
  static_assert(http::response_head_limits().header_bytes == 64 * 1024);
  static_assert(http::response_head_limits().one_field == 64 * 1024);
  constexpr http::body_limits body;
  static_assert(body.size == 1024 * 1024);
  static_assert(body.chunk_extension == 256 && body.chunk_extensions == 16 * 1024);
  static_assert(body.chunk_overhead_ratio == 16 && body.chunk_overhead_base == 16 * 1024);
}

TEST(limits, are_aggregates_without_destructors) {
  static_assert(std::is_aggregate_v<http::head_limits> && std::is_trivially_destructible_v<http::head_limits>);
  static_assert(std::is_aggregate_v<http::body_limits> && std::is_trivially_destructible_v<http::body_limits>);
}

} // namespace
