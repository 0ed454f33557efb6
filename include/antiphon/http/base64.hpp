// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// RFC 4648, section 4.
inline void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out.push_back(digits[three >> 18]);
    out.push_back(digits[three >> 12 & 63]);
    out.push_back(i + 1 < bytes.size() ? digits[three >> 6 & 63] : '=');
    out.push_back(i + 2 < bytes.size() ? digits[three & 63] : '=');
  }
}

/// The number that a digit stands for; 64 and more for what is none.
constexpr unsigned base64_digit(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
  return c == '+' ? 62 : c == '/' ? 63 : 64;
}

} // namespace detail

/// The bytes in base64, with padding.
inline std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  detail::append_base64(out, bytes);
  return out;
}

/// The bytes that the text stands for. Nothing unless it is just what base64_encode() writes: padded, without spaces or
/// line breaks, and with no bits left over; so there is one text for each value.
///
/// Source: RFC 4648, sections 3.3, 3.5 and 4.
inline std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const unsigned digit = detail::base64_digit(c);
    if (digit > 63) return std::nullopt;
    bits = (bits << 6 | digit) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return out;
}

} // namespace http
} // namespace v0
} // namespace antiphon
