// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/event_id.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {

/// How far a reader of a log has come: which log, and the last id that it has seen. Printed "TAG.MAJOR-MINOR", the tag
/// as 16 hexadecimal digits.
struct cursor {
  std::uint64_t log = 0; ///< 64 random bits made with the log: only they say whether it is the same log
  event_id id;

  friend constexpr bool operator==(const cursor&, const cursor&) = default;
};

namespace detail {

inline constexpr std::size_t max_cursor_size = 16 + 1 + 41;

/// Writes it to `to`, which has room for max_cursor_size bytes; where it ended.
inline char* put_cursor(char* to, const cursor& c) noexcept {
  for (int shift = 60; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[c.log >> shift & 15];
  *to++ = '.';
  return put_id(to, c.id);
}

} // namespace detail

inline std::string to_string(const cursor& c) {
  std::array<char, detail::max_cursor_size> text;
  return std::string(text.data(), detail::put_cursor(text.data(), c));
}

/// What to_string() wrote, and nothing else: what clients send is not trusted.
inline std::optional<cursor> parse_cursor(std::string_view text) noexcept {
  if (text.size() < 18 || text.size() > detail::max_cursor_size || text[16] != '.') return std::nullopt;
  std::uint64_t tag = 0;
  for (const char c : text.substr(0, 16)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    tag = tag << 4 | static_cast<std::uint64_t>(digit);
  }
  const auto id = parse_event_id(text.substr(17));
  if (!id) return std::nullopt;
  return cursor{tag, *id};
}

} // namespace v0
} // namespace antiphon
