// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/http/token.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What a check of credentials returns: bool, or an optional of what the program knows of the user.
template <class T>
struct identity_of {
  static constexpr bool known = std::same_as<T, bool>;
  using type = bool;
};
template <class T>
struct identity_of<std::optional<T>> {
  static constexpr bool known = true;
  using type = T;
};

/// What stands behind the scheme in the one field Authorization; nothing where there is no such field, more than one,
/// or one of another scheme.
inline std::optional<std::string_view> credentials(const request& req, std::string_view scheme) {
  std::optional<std::string_view> found;
  std::size_t fields = 0;
  req.for_each_header([&](std::string_view name, std::string_view value) {
    if (!http::iequals(name, "Authorization")) return;
    ++fields;
    const auto space = value.find(' ');
    if (space == value.npos || !http::iequals(value.substr(0, space), scheme)) return;
    found = http::trim_ows(value.substr(space));
  });
  return fields == 1 ? found : std::nullopt;
}

/// "Basic realm=\"...\"". Throws std::invalid_argument for a realm with control bytes.
inline std::string challenge(std::string_view scheme, std::string_view realm) {
  return std::string(scheme) + " realm=" + http::quote(realm);
}

inline response unauthorized(std::string why, std::string_view challenge) {
  return response(http::problem(http::status::unauthorized, std::move(why))).set("WWW-Authenticate", challenge);
}

} // namespace detail
} // namespace v0
} // namespace antiphon
