// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>
#include <antiphon/http/host.hpp>
#include <antiphon/http/method.hpp>
#include <antiphon/http/token.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// The four forms of RFC 9112, section 3.2.
enum class target_form : unsigned char { origin, absolute, asterisk, authority };

/// A request target in its parts, still encoded. All are views of the input; a part that is not there is an empty view.
struct target {
  target_form form = target_form::origin;
  bool has_query = false;     ///< "/a?" has an empty query, "/a" has none
  std::string_view scheme;    ///< of the absolute form
  std::string_view authority; ///< of the absolute and the authority form; a valid host
  std::string_view path;      ///< begins with '/'; "*"; empty for "http://host" and for the authority form
  std::string_view query;     ///< without its '?'

  /// The path to route by: "http://host" means "/".
  constexpr std::string_view path_or_root() const noexcept { return path.empty() ? std::string_view("/") : path; }
};

namespace detail {

/// Splits "/path?query". Escapes are checked in the path only: queries with a lone '%' are common, and harmless.
constexpr bool parse_origin(std::string_view text, target& out) noexcept {
  std::size_t i = 0;
  for (; i < text.size() && text[i] != '?'; ++i) {
    if (!is_target_char(text[i])) return false;
    if (text[i] != '%') continue;
    if (text.size() - i < 3 || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) return false;
    i += 2;
  }
  out.path = text.substr(0, i);
  out.has_query = i < text.size();
  if (!out.has_query) return true;
  out.query = text.substr(i + 1);
  return all_of(out.query, target_class);
}

constexpr bool parse_absolute(std::string_view text, target& out) noexcept {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || text.substr(colon, 3) != "://") return false;
  out.form = target_form::absolute;
  out.scheme = text.substr(0, colon);
  if (!iequals(out.scheme, "http") && !iequals(out.scheme, "https")) return false;
  text.remove_prefix(colon + 3);
  out.authority = text.substr(0, text.find_first_of("/?"));
  if (!valid_host(out.authority)) return false;
  return parse_origin(text.substr(out.authority.size()), out);
}

} // namespace detail

/// Takes a request target apart; nothing (`error::bad_target`) unless it is one of: a path that begins with '/', an
/// http or https URI without user information, "*" with OPTIONS, "host:port" with CONNECT. Refused besides: fragments,
/// space, control bytes, raw bytes over 0x7f, malformed escapes in the path. The path may have dot segments:
/// `has_dot_segment`.
///
/// Source: RFC 9112, section 3.2.
constexpr std::optional<target> parse_target(std::string_view text, method verb) noexcept {
  target out;
  if (verb == method::connect) {
    const auto host = parse_host(text);
    if (!host || !host->port) return std::nullopt;
    out.form = target_form::authority;
    out.authority = text;
    return out;
  }
  if (!text.empty() && text.front() == '/') {
    if (!detail::parse_origin(text, out)) return std::nullopt;
    return out;
  }
  if (text == "*") {
    if (verb != method::options) return std::nullopt;
    out.form = target_form::asterisk;
    out.path = text;
    return out;
  }
  if (!detail::parse_absolute(text, out)) return std::nullopt;
  return out;
}

/// Whether a path has a "." or ".." segment, also one that shows only after decoding: dots and separators ("/" and "\")
/// count in their escaped forms too, since what a handler gets is decoded.
constexpr bool has_dot_segment(std::string_view path) noexcept {
  std::size_t dots = 0;
  bool other = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%' && path.size() - i >= 3) {
      const int high = hex_value(path[i + 1]);
      const int low = hex_value(path[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        i += 2;
      }
    }
    if (c == '/' || c == '\\') {
      if (!other && (dots == 1 || dots == 2)) return true;
      dots = 0;
      other = false;
    } else if (c == '.') {
      ++dots;
    } else {
      other = true;
    }
  }
  return !other && (dots == 1 || dots == 2);
}

} // namespace http
} // namespace v0
} // namespace antiphon
