// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/http/response.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Refuses for now: Retry-After in whole seconds, one at least.
inline response retry_later(http::status code, std::string why, duration after) {
  const auto seconds = std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(after).count(), 1);
  return response(http::problem(code, std::move(why))).set("Retry-After", std::to_string(seconds));
}

} // namespace detail
} // namespace v0
} // namespace antiphon
