// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/date.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/http/token.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Whether the text can be a cookie's value: RFC 6265, section 4.1.1. Encode what cannot (percent_encode does).
constexpr bool is_cookie_value(std::string_view text) noexcept {
  for (const char c : text)
    if (c <= ' ' || c == 0x7f || c == '"' || c == ',' || c == ';' || c == '\\' || (c & 0x80) != 0) return false;
  return true;
}

enum class same_site { strict, lax, none };

/// A cookie to be set. Unless told otherwise it is for all paths of this host, not for scripts (HttpOnly), not sent
/// with what other sites post (SameSite=Lax), sent over TLS only (Secure) where it was set over TLS, and gone when the
/// browser is closed.
///
///     ap::set_cookie(res, req, ap::new_cookie("theme", "dark").max_age(24h * 365));
///
/// What could not be sent, or what browsers would drop, throws std::invalid_argument with a sentence. The prefixes
/// __Host- and __Secure- are checked, and make the cookie Secure.
///
/// Source: RFC 6265bis, section 4.1. Example: examples/sessions.cpp
class new_cookie {
 public:
  static constexpr std::size_t max_size = 4096; ///< of name and value, as browsers have it

  new_cookie(std::string_view name, std::string_view value) : name_(name), value_(value) {
    if (!is_token(name)) refuse("has a name that is no token: use letters, digits, '-' and '_'");
    if (!is_cookie_value(value))
      refuse("has a value with a space, a quote, a comma, a semicolon, a backslash or a byte that is not ASCII: "
             "percent-encode it");
    if (name.size() + value.size() > max_size) refuse("is larger than 4096 bytes, which browsers drop");
  }
  /// One that takes the client's away; path and domain must be those that it was set with.
  static new_cookie removal(std::string_view name) {
    return new_cookie(name, "").max_age(std::chrono::seconds(0)).expires(std::chrono::sys_seconds());
  }

  /// How long the client keeps it; browsers take at most 400 days.
  new_cookie& max_age(std::chrono::seconds length) {
    max_age_ = length;
    return *this;
  }
  new_cookie& expires(std::chrono::sys_seconds time) {
    expires_ = time;
    return *this;
  }
  new_cookie& path(std::string_view path) {
    if (!path.starts_with('/') || !is_attribute(path)) refuse("has a path that does not begin with '/', or has a ';'");
    path_ = path;
    return *this;
  }
  /// Sends it to all hosts below `domain` too; without one, to this host only.
  new_cookie& domain(std::string_view domain) {
    if (domain.empty() || !is_attribute(domain)) refuse("has an empty domain, or one with a ';'");
    domain_ = domain;
    return *this;
  }
  new_cookie& http_only(bool on) {
    http_only_ = on;
    return *this;
  }
  new_cookie& secure(bool on) {
    secure_ = on;
    return *this;
  }
  new_cookie& same_site(http::same_site how) {
    same_site_ = how;
    return *this;
  }

  std::string_view name() const noexcept { return name_; }
  std::string_view value() const noexcept { return value_; }

  /// The value of the field Set-Cookie. `over_tls`: whether the request came so.
  std::string text(bool over_tls) const {
    const bool host = prefixed("__Host-");
    const bool prefix = host || prefixed("__Secure-");
    const bool secure = secure_.value_or(over_tls || prefix);
    if (prefix && !secure) refuse("has a prefix that asks for Secure, which was switched off");
    if (host && (path_ != "/" || !domain_.empty()))
      refuse("has the prefix __Host-: leave its path '/' and its domain out");
    if (same_site_ == http::same_site::none && !secure)
      refuse("is SameSite=None, which browsers take only if it is Secure");
    std::string out;
    out.append(name_).append("=").append(value_).append("; Path=").append(path_);
    if (!domain_.empty()) out.append("; Domain=").append(domain_);
    if (max_age_) out.append("; Max-Age=").append(std::to_string(max_age_->count()));
    if (expires_) out.append("; Expires=").append(date_text(*expires_).view());
    if (secure) out.append("; Secure");
    if (http_only_) out.append("; HttpOnly");
    constexpr std::string_view names[] = {"Strict", "Lax", "None"};
    return out.append("; SameSite=").append(names[static_cast<std::size_t>(same_site_)]);
  }

 private:
  static bool is_attribute(std::string_view text) noexcept {
    return is_field_value(text) && text.find(';') == text.npos;
  }
  bool prefixed(std::string_view prefix) const noexcept { // browsers compare without regard to case
    return iequals(std::string_view(name_).substr(0, prefix.size()), prefix);
  }
  [[noreturn]] void refuse(const char* why) const {
    std::string shown;
    for (const char c : std::string_view(name_).substr(0, 64)) shown += c > 0x20 && c < 0x7f ? c : '?';
    throw std::invalid_argument("antiphon: the cookie '" + shown + "' " + why);
  }

  std::string name_, value_, path_ = "/", domain_;
  std::optional<std::chrono::seconds> max_age_;
  std::optional<std::chrono::sys_seconds> expires_;
  std::optional<bool> secure_;
  bool http_only_ = true;
  http::same_site same_site_ = http::same_site::lax;
};

/// Sets a cookie with an answer to `req`. Others that the answer sets stay; set each name once.
inline response& set_cookie(response& res, const request& req, const new_cookie& cookie) {
  return res.add("Set-Cookie", cookie.text(req.scheme() == "https"));
}

} // namespace http

using http::new_cookie;
using http::same_site;
using http::set_cookie;

} // namespace v0
} // namespace antiphon
