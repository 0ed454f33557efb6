// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {

/// A place in one log: ordered within that log, and of no meaning outside of it. Nothing computes with ids. What the
/// two numbers are is the log's own business: in memory zero and a counter, elsewhere perhaps milliseconds and a
/// sequence.
struct event_id {
  std::uint64_t major_part = 0;
  std::uint64_t minor_part = 0;

  friend constexpr auto operator<=>(const event_id&, const event_id&) = default;
};

namespace detail {

/// A number as std::to_chars writes it: no sign, no leading zero, at most 2^64 - 1. Takes it off the front of `text`.
inline std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  std::uint64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto size = static_cast<std::size_t>(end - text.data());
  if (ec != std::errc() || size == 0 || (text.front() == '0' && size > 1)) return std::nullopt;
  text.remove_prefix(size);
  return number;
}

/// Writes "MAJOR-MINOR" to `to`, which has room for 41 bytes; where it ended.
inline char* put_id(char* to, const event_id& id) noexcept {
  to = std::to_chars(to, to + 20, id.major_part).ptr;
  *to++ = '-';
  return std::to_chars(to, to + 20, id.minor_part).ptr;
}

} // namespace detail

/// "MAJOR-MINOR".
inline std::string to_string(const event_id& id) {
  std::array<char, 41> text;
  return std::string(text.data(), detail::put_id(text.data(), id));
}

/// What to_string() wrote, and nothing else.
inline std::optional<event_id> parse_event_id(std::string_view text) noexcept {
  const auto major_part = detail::take_number(text);
  if (!major_part || text.empty() || text.front() != '-') return std::nullopt;
  text.remove_prefix(1);
  const auto minor_part = detail::take_number(text);
  if (!minor_part || !text.empty()) return std::nullopt;
  return event_id{*major_part, *minor_part};
}

} // namespace v0
} // namespace antiphon
