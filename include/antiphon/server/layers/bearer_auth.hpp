// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>
#include <antiphon/server/layer.hpp>
#include <antiphon/server/layers/detail/credentials.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// A layer that lets in who sends a token that the program's check takes, in the field Authorization: nowhere else, as
/// queries are written to logs. Others are answered with 401 and the challenge; over https only.
///
/// `check(std::string_view token)` returns a `std::optional<T>`, and handlers find `req.state<T>()`; or a bool, and
/// nothing is left for them. It runs on the thread that serves (on several at once, where several do), and must not
/// wait: asking another server belongs into a layer that waits. Compare tokens by ap::same_secret.
/// Throws std::invalid_argument for a realm with control bytes.
///
/// Source: RFC 6750, sections 2.1 and 3. Example: api.use(ap::bearer_auth("api", [=](std::string_view token) {
///                                          return keys.user_of(token); }));
template <class Check>
class bearer_auth {
 public:
  bearer_auth(std::string_view realm, Check check)
      : challenge_(detail::challenge("Bearer", realm)), check_(std::move(check)) {
    static_assert(fits(), "antiphon: bearer_auth is given a function (std::string_view token) that returns a "
                          "std::optional of what you know of the user, or a bool");
  }

  /// Hook of the layer.
  std::optional<response> before(request& req) const {
    const auto token = detail::credentials(req, "Bearer");
    if (!token) return detail::unauthorized("send a token", challenge_);
    if (!well_formed(*token)) return refused("the token is malformed");
    auto found = check_(*token);
    if (!found) return refused("the token is not valid, or no longer");
    if constexpr (!std::is_same_v<decltype(found), bool>) req.set_state(std::move(*found));
    return std::nullopt;
  }

 private:
  static constexpr bool fits() {
    if constexpr (std::is_invocable_v<const Check&, std::string_view>) {
      return detail::identity_of<std::invoke_result_t<const Check&, std::string_view>>::known;
    } else {
      return false;
    }
  }
  response refused(std::string why) const {
    return detail::unauthorized(std::move(why), challenge_ + ", error=\"invalid_token\"");
  }
  /// token68: letters, digits and "-._~+/", then perhaps "=".
  static bool well_formed(std::string_view token) noexcept {
    const auto body = token.substr(0, token.find('='));
    return !body.empty() && std::all_of(body.begin(), body.end(), [](char c) {
      return http::detail::is_a(c, http::detail::unreserved_class) || c == '+' || c == '/';
    }) && token.substr(body.size()).find_first_not_of('=') == token.npos;
  }

  std::string challenge_;
  Check check_;
};

} // namespace v0
} // namespace antiphon
