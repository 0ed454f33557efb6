// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Which bytes stay as they are.
enum class encode_set : unsigned char {
  component, ///< unreserved characters only: right everywhere
  segment,   ///< what one segment of a path may hold: also sub-delims, ':' and '@'
  path,      ///< segment and '/'
  query,     ///< path and '?'
  form,      ///< application/x-www-form-urlencoded: letters, digits, "*-._"; a space becomes '+'
};

namespace detail {

constexpr bool keeps(encode_set set, char c) noexcept {
  if (is_a(c, alpha_class | digit_class)) return true;
  if (set == encode_set::form) return c == '*' || c == '-' || c == '.' || c == '_';
  if (is_a(c, unreserved_class)) return true;
  if (set == encode_set::component) return false;
  if (is_a(c, sub_delim_class) || c == ':' || c == '@') return true;
  return (c == '/' && set != encode_set::segment) || (c == '?' && set == encode_set::query);
}

} // namespace detail

/// Appends the text, encoded.
inline void percent_encode(std::string& out, std::string_view text, encode_set set = encode_set::component) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (detail::keeps(set, c)) {
      out += c;
    } else if (set == encode_set::form && c == ' ') {
      out += '+';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
}

/// The text, encoded.
inline std::string percent_encode(std::string_view text, encode_set set = encode_set::component) {
  std::string out;
  out.reserve(text.size());
  percent_encode(out, text, set);
  return out;
}

/// The text, decoded; nothing if a '%' is not followed by two hexadecimal digits. The bytes may be anything, NUL too.
inline std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// A name or a value of a query or form, decoded: '+' is a space, and a '%' that begins no escape stands for itself.
inline std::string form_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && text.size() - i >= 3 ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

} // namespace http
} // namespace v0
} // namespace antiphon
