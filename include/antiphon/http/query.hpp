// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/percent.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace http {

/// How many parameters a query or form may have unless its reader says otherwise.
inline constexpr std::size_t default_max_parameters = 1'000;

/// A parameter as it came, still encoded; views of the input.
struct raw_parameter {
  std::string_view name;
  std::string_view value;
};

/// Takes the next `name=value` of a query or of a form body; one without '=' has an empty value, empty ones ("&&") are
/// passed over. `while (auto p = next_parameter(rest)) ...`
constexpr std::optional<raw_parameter> next_parameter(std::string_view& rest) noexcept {
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) return raw_parameter{pair, {}};
    return raw_parameter{pair.substr(0, equals), pair.substr(equals + 1)};
  }
  return std::nullopt;
}

namespace detail {

/// Whether a name as it came means this one; decodes only where there is something to decode.
inline bool is_named(std::string_view raw, std::string_view name) {
  if (raw == name) return raw.find_first_of("%+") == std::string_view::npos || form_decode(raw) == name;
  return raw.size() >= name.size() && raw.find_first_of("%+") != std::string_view::npos && form_decode(raw) == name;
}

} // namespace detail

/// The decoded value of the first parameter of that name, without reading the others.
inline std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (const auto p = next_parameter(query))
    if (detail::is_named(p->name, name)) return form_decode(p->value);
  return std::nullopt;
}

/// Whether a query or form has at most that many parameters; stops counting there.
constexpr bool within_parameter_limit(std::string_view query, std::size_t limit = default_max_parameters) noexcept {
  for (std::size_t count = 0; next_parameter(query); ++count)
    if (count == limit) return false;
  return true;
}

/// The decoded parameters of a query or of an application/x-www-form-urlencoded body, in order.
///
/// '+' is a space, and a '%' that begins no escape stands for itself, as browsers and their standard have it. The bytes
/// may be anything: nothing is checked to be UTF-8.
class query_params {
 public:
  using value_type = std::pair<std::string, std::string>;
  using const_iterator = std::vector<value_type>::const_iterator;

  query_params() noexcept = default;

  /// Errors: error::too_many_parameters, before anything over the limit is kept; then the result is empty.
  static query_params parse(std::string_view query, error_code& ec, std::size_t limit = default_max_parameters) {
    query_params out;
    ec = {};
    if (!within_parameter_limit(query, limit)) {
      ec = error::too_many_parameters;
      return out;
    }
    while (const auto p = next_parameter(query)) out.list_.emplace_back(form_decode(p->name), form_decode(p->value));
    return out;
  }

  /// The same; throws system_error.
  static query_params parse(std::string_view query) {
    error_code ec;
    auto out = parse(query, ec);
    if (ec) throw system_error(ec);
    return out;
  }

  /// The value of the first of that name; a view of this object.
  std::optional<std::string_view> get(std::string_view name) const noexcept {
    for (const auto& [key, value] : list_)
      if (key == name) return value;
    return std::nullopt;
  }

  /// The values of all of that name, in order; views of this object.
  std::vector<std::string_view> get_all(std::string_view name) const {
    std::vector<std::string_view> out;
    for (const auto& [key, value] : list_)
      if (key == name) out.push_back(value);
    return out;
  }

  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }
  std::size_t size() const noexcept { return list_.size(); }
  bool empty() const noexcept { return list_.empty(); }
  const_iterator begin() const noexcept { return list_.begin(); }
  const_iterator end() const noexcept { return list_.end(); }

 private:
  std::vector<value_type> list_;
};

/// Appends `name=value`, form-encoded, with a '&' before it unless `out` is empty.
inline void append_parameter(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty()) out += '&';
  percent_encode(out, name, encode_set::form);
  out += '=';
  percent_encode(out, value, encode_set::form);
}

} // namespace http
} // namespace v0
} // namespace antiphon
