// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// The methods that the parser knows, by its own numbers. Any other is a syntax error (400), as llhttp has a fixed
/// list.
enum class method : std::uint8_t {
  del = 0, ///< DELETE, which is a keyword of C++
  get = 1,
  head = 2,
  post = 3,
  put = 4,
  connect = 5,
  options = 6,
  trace = 7,
  copy = 8,
  lock = 9,
  mkcol = 10,
  move = 11,
  propfind = 12,
  proppatch = 13,
  search = 14,
  unlock = 15,
  bind = 16,
  rebind = 17,
  unbind = 18,
  acl = 19,
  report = 20,
  mkactivity = 21,
  checkout = 22,
  merge = 23,
  msearch = 24, ///< M-SEARCH
  notify = 25,
  subscribe = 26,
  unsubscribe = 27,
  patch = 28,
  purge = 29,
  mkcalendar = 30,
  link = 31,
  unlink = 32,
  source = 33,
};

/// The number of methods; they are numbered from 0 without a gap.
inline constexpr std::size_t method_count = 34;

namespace detail {
inline constexpr std::array<std::string_view, method_count> method_names{
    "DELETE",      "GET",   "HEAD",   "POST",       "PUT",       "CONNECT", "OPTIONS",  "TRACE",  "COPY",
    "LOCK",        "MKCOL", "MOVE",   "PROPFIND",   "PROPPATCH", "SEARCH",  "UNLOCK",   "BIND",   "REBIND",
    "UNBIND",      "ACL",   "REPORT", "MKACTIVITY", "CHECKOUT",  "MERGE",   "M-SEARCH", "NOTIFY", "SUBSCRIBE",
    "UNSUBSCRIBE", "PATCH", "PURGE",  "MKCALENDAR", "LINK",      "UNLINK",  "SOURCE"};
} // namespace detail

/// The name as it stands in a request line.
constexpr std::string_view to_string(method m) noexcept {
  const auto index = static_cast<std::size_t>(m);
  return index < method_count ? detail::method_names[index] : std::string_view();
}

/// The method of that name; names are case-sensitive.
constexpr std::optional<method> parse_method(std::string_view name) noexcept {
  for (std::size_t i = 0; i < method_count; ++i)
    if (detail::method_names[i] == name) return static_cast<method>(i);
  return std::nullopt;
}

/// Whether the client asks for no change (RFC 9110, section 9.2.1, and the registry).
constexpr bool is_safe(method m) noexcept {
  switch (m) {
  case method::get:
  case method::head:
  case method::options:
  case method::trace:
  case method::propfind:
  case method::report:
  case method::search: return true;
  default: return false;
  }
}

/// Whether asking twice means the same as asking once, so that a request may be repeated after a lost connection.
constexpr bool is_idempotent(method m) noexcept {
  switch (m) {
  case method::put:
  case method::del:
  case method::copy:
  case method::mkcol:
  case method::move:
  case method::proppatch:
  case method::unlock:
  case method::bind:
  case method::rebind:
  case method::unbind:
  case method::acl:
  case method::mkactivity:
  case method::checkout:
  case method::merge:
  case method::mkcalendar:
  case method::link:
  case method::unlink: return true;
  default: return is_safe(m);
  }
}

} // namespace http
} // namespace v0
} // namespace antiphon
