// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/http/date.hpp>
#include <antiphon/http/token.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// How long the value of a field Retry-After asks to wait from now on, at most a billion seconds; nothing where it is
/// neither a number of seconds nor a date.
///
/// Source: RFC 9110, section 10.2.3.
inline std::optional<duration> parse_retry_after(std::string_view value) {
  using std::chrono::seconds;
  constexpr std::uint64_t most = 1'000'000'000;
  if (const auto number = parse_decimal(value)) return seconds(static_cast<seconds::rep>((std::min)(*number, most)));
  const auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
  const auto date = parse_date(value, now);
  if (!date) return std::nullopt;
  return (std::clamp)(*date - now, seconds(0), seconds(static_cast<seconds::rep>(most)));
}

} // namespace http
} // namespace v0
} // namespace antiphon
