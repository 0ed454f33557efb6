// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Appends the text as it may stand in HTML, between tags and in quoted attributes: it can begin no tag and end no
/// quote. In scripts, styles and the addresses of links other rules hold.
inline void html_escape(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
    case '<': out += "&lt;"; break;
    case '>': out += "&gt;"; break;
    case '&': out += "&amp;"; break;
    case '"': out += "&quot;"; break;
    case '\'': out += "&#39;"; break;
    default: out += c;
    }
  }
}

/// The text as it may stand in HTML.
inline std::string html_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  html_escape(out, text);
  return out;
}

} // namespace http

using http::html_escape;

} // namespace v0
} // namespace antiphon
