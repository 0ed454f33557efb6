// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Appends the text as it stands inside a JSON string, without the quotes. Well-formed UTF-8 stays as it is; each
/// ill-formed piece becomes U+FFFD; quotes, backslashes and control bytes are escaped.
inline void json_escape(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  while (!text.empty()) {
    std::size_t plain = 0; // most text is plain: append it in one piece
    while (plain < text.size() && text[plain] >= 0x20 && text[plain] < 0x7f && text[plain] != '"' &&
           text[plain] != '\\')
      ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    const char c = text.front();
    const auto piece = next_utf8(text);
    switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\b': out += "\\b"; break;
    case '\f': out += "\\f"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        out += "\\u00";
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
      } else {
        out.append(piece.valid ? text.substr(0, piece.size) : std::string_view("\xef\xbf\xbd"));
      }
    }
    text.remove_prefix(piece.size);
  }
}

/// The text as a JSON string, with the quotes.
inline std::string json_quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  json_escape(out, text);
  out += '"';
  return out;
}

} // namespace http
} // namespace v0
} // namespace antiphon
