// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/token.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace http {

/// How many cookies a request may have unless its reader says otherwise.
inline constexpr std::size_t default_max_cookies = 50;

/// A cookie as it came; views of the input. A value in quotes has them still: they are part of it.
struct cookie {
  std::string_view name;
  std::string_view value;
};

/// Takes the next cookie of a Cookie field; what has no '=' or no name is passed over. Nothing is decoded, as the
/// standard has no encoding. `while (auto c = next_cookie(rest)) ...`
constexpr std::optional<cookie> next_cookie(std::string_view& rest) noexcept {
  while (!rest.empty()) {
    const auto end = rest.find(';');
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const cookie out{trim_ows(pair.substr(0, equals)), trim_ows(pair.substr(equals + 1))};
    if (!out.name.empty()) return out;
  }
  return std::nullopt;
}

/// The cookies that a client sent, in order; views of the request.
///
/// Source: RFC 6265bis, section 4.2. Example: examples/sessions.cpp
class cookies {
 public:
  cookies() noexcept = default;

  /// Of all Cookie fields of a request.
  /// Errors: error::too_many_cookies (400); then the result is empty.
  static cookies of(const request& req, error_code& ec, std::size_t limit = default_max_cookies) {
    cookies out;
    ec = {};
    req.for_each_header([&](std::string_view name, std::string_view value) {
      if (iequals(name, "Cookie")) out.add(value, ec, limit);
    });
    return out;
  }
  /// The same; throws request_error, which a handler may let through.
  static cookies of(const request& req) {
    error_code ec;
    auto out = of(req, ec);
    if (ec) throw request_error(ec);
    return out;
  }
  /// Of the value of one field.
  static cookies parse(std::string_view field, error_code& ec, std::size_t limit = default_max_cookies) {
    cookies out;
    ec = {};
    out.add(field, ec, limit);
    return out;
  }

  /// The first of that name: a client sends the one with the longest path first. Names differ by case.
  std::optional<std::string_view> get(std::string_view name) const noexcept {
    for (const auto& c : list_)
      if (c.name == name) return c.value;
    return std::nullopt;
  }
  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }
  std::size_t size() const noexcept { return list_.size(); }
  bool empty() const noexcept { return list_.empty(); }
  auto begin() const noexcept { return list_.begin(); }
  auto end() const noexcept { return list_.end(); }

 private:
  void add(std::string_view field, error_code& ec, std::size_t limit) {
    while (!ec) {
      const auto c = next_cookie(field);
      if (!c) return;
      if (list_.size() == limit) {
        ec = error::too_many_cookies;
        list_.clear();
        return;
      }
      list_.push_back(*c);
    }
  }

  std::vector<cookie> list_;
};

} // namespace http

using http::cookies;

} // namespace v0
} // namespace antiphon
