// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/token.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// A media type or, where '*' stands, a media range; a view of what it was parsed from.
/// Names are compared without regard to case. `media_type::parse("text/html; charset=utf-8")`.
class media_type {
 public:
  /// Nothing unless the whole text is `type/subtype` and well-formed `; name=value` parameters.
  static constexpr std::optional<media_type> parse(std::string_view text) noexcept {
    media_type out;
    text = trim_ows(text);
    const auto semicolon = find_unquoted(text, ';');
    out.essence_ = trim_ows(text.substr(0, semicolon));
    out.parameters_ = text.substr(semicolon);
    const auto slash = out.essence_.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    out.type_ = out.essence_.substr(0, slash);
    out.subtype_ = out.essence_.substr(slash + 1);
    if (!is_token(out.type_) || !is_token(out.subtype_) || (out.type_ == "*" && out.subtype_ != "*"))
      return std::nullopt;
    http::parameter p;
    parameter_reader reader(out.parameters_);
    while (reader.next(p))
      if (!p.has_value) return std::nullopt;
    if (reader.failed()) return std::nullopt;
    return out;
  }

  constexpr std::string_view type() const noexcept { return type_; }
  constexpr std::string_view subtype() const noexcept { return subtype_; }
  /// `type/subtype` as it was written.
  constexpr std::string_view essence() const noexcept { return essence_; }
  /// What follows the essence, from its ';' on; for a `parameter_reader`.
  constexpr std::string_view parameters() const noexcept { return parameters_; }

  /// The structured syntax after the last '+': "json" of "application/problem+json"; empty if there is none.
  constexpr std::string_view suffix() const noexcept {
    const auto plus = subtype_.rfind('+');
    return plus == std::string_view::npos ? std::string_view() : subtype_.substr(plus + 1);
  }

  /// The decoded value of the first parameter of that name: `parameter("charset")`.
  std::optional<std::string> parameter(std::string_view name) const {
    http::parameter p;
    parameter_reader reader(parameters_);
    while (reader.next(p))
      if (iequals(p.name, name)) return p.text();
    return std::nullopt;
  }

  /// Whether it is this `type/subtype`, whatever the parameters: `is("application/json")`.
  constexpr bool is(std::string_view essence) const noexcept { return iequals(essence_, essence); }

  /// Whether it is application/json, text/json or has the suffix +json.
  constexpr bool is_json() const noexcept {
    return is("application/json") || is("text/json") || iequals(suffix(), "json");
  }

  /// Whether a range (the argument) covers it. Parameters of the range must be there with the same values.
  bool matches(const media_type& range) const {
    if (range.type_ != "*" && !iequals(range.type_, type_)) return false;
    if (range.subtype_ != "*" && !iequals(range.subtype_, subtype_)) return false;
    http::parameter p;
    parameter_reader reader(range.parameters_);
    while (reader.next(p)) {
      const auto mine = parameter(p.name);
      if (!mine || !iequals(*mine, p.text())) return false;
    }
    return true;
  }

  /// How much a range says: 0 for `*/*`, more for `type/*`, for `type/subtype`, and with each parameter.
  constexpr int precision() const noexcept {
    int out = (type_ != "*") + (subtype_ != "*");
    http::parameter p;
    parameter_reader reader(parameters_);
    while (reader.next(p)) ++out;
    return out;
  }

 private:
  constexpr media_type() noexcept = default;

  std::string_view type_;
  std::string_view subtype_;
  std::string_view essence_;
  std::string_view parameters_;
};

/// How much a client wants a type, in thousandths, by the most precise range of its Accept list that covers the type.
/// 0 if none does; 1000 if the list is empty. Ranges that cannot be read are passed over.
///
/// Source: RFC 9110, section 12.5.1.
inline int accept_weight(std::string_view accept, std::string_view type) {
  const auto wanted = media_type::parse(type);
  if (!wanted) return 0;
  int best = 0;
  int precision = -1;
  bool any = false;
  while (const auto item = next_weighted(accept)) {
    any = true;
    const auto range = media_type::parse(item->value);
    if (!range || range->precision() <= precision || !wanted->matches(*range)) continue;
    precision = range->precision();
    best = item->weight;
  }
  return any ? best : 1000;
}

} // namespace http
} // namespace v0
} // namespace antiphon
