// SPDX-License-Identifier: BSL-1.0
// The character classes of RFC 9110 and RFC 3986, as one table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

inline constexpr std::uint8_t token_class = 1;      // tchar, RFC 9110, section 5.6.2
inline constexpr std::uint8_t value_class = 2;      // what a field value may hold: VCHAR, obs-text, space, tab
inline constexpr std::uint8_t target_class = 4;     // what a request target may hold: VCHAR without '#'
inline constexpr std::uint8_t unreserved_class = 8; // RFC 3986, section 2.3
inline constexpr std::uint8_t sub_delim_class = 16; // RFC 3986, section 2.2
inline constexpr std::uint8_t digit_class = 32;
inline constexpr std::uint8_t hex_class = 64;
inline constexpr std::uint8_t alpha_class = 128;

constexpr std::array<std::uint8_t, 256> make_char_classes() noexcept {
  std::array<std::uint8_t, 256> table{};
  const auto mark = [&table](std::string_view set, unsigned classes) {
    for (const char c : set) {
      auto& slot = table[static_cast<unsigned char>(c)];
      slot = static_cast<std::uint8_t>(slot | classes);
    }
  };
  for (unsigned c = 0x21; c <= 0x7e; ++c) table[c] = value_class | target_class;
  for (unsigned c = 0x80; c <= 0xff; ++c) table[c] = value_class;
  table[' '] = table['\t'] = value_class;
  table['#'] = value_class;
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", token_class | unreserved_class | alpha_class);
  mark("0123456789", token_class | unreserved_class | digit_class | hex_class);
  mark("abcdefABCDEF", hex_class);
  mark("!#$%&'*+-.^_`|~", token_class);
  mark("-._~", unreserved_class);
  mark("!$&'()*+,;=", sub_delim_class);
  return table;
}

inline constexpr std::array<std::uint8_t, 256> char_classes = make_char_classes();

constexpr bool is_a(char c, unsigned classes) noexcept {
  return (char_classes[static_cast<unsigned char>(c)] & classes) != 0;
}

constexpr bool all_of(std::string_view text, unsigned classes) noexcept {
  for (const char c : text)
    if (!is_a(c, classes)) return false;
  return true;
}

} // namespace detail

constexpr bool is_token_char(char c) noexcept { return detail::is_a(c, detail::token_class); }
constexpr bool is_value_char(char c) noexcept { return detail::is_a(c, detail::value_class); }
constexpr bool is_target_char(char c) noexcept { return detail::is_a(c, detail::target_class); }
constexpr bool is_digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }
constexpr bool is_hex_digit(char c) noexcept { return detail::is_a(c, detail::hex_class); }

/// The value of a hexadecimal digit, -1 for anything else.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (!is_hex_digit(c)) return -1;
  return (c | 0x20) - 'a' + 10;
}

/// ASCII only, whatever the locale.
constexpr char to_lower(char c) noexcept {
  return static_cast<unsigned char>(c - 'A') < 26 ? static_cast<char>(c | 0x20) : c;
}

} // namespace http
} // namespace v0
} // namespace antiphon
