// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/base64.hpp>
#include <antiphon/http/chars.hpp>
#include <antiphon/server/layer.hpp>
#include <antiphon/server/layers/detail/credentials.hpp>
#include <antiphon/server/layers/identity.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// A layer that lets in who sends a name and a password that the program's check takes; others are answered with 401
/// and the challenge. Over https only: the password is sent with every request, in clear.
///
/// `check(std::string_view name, std::string_view password)` returns a bool, and handlers then find the name as
/// `req.state<ap::identity>().name`; or a `std::optional<T>`, and they find `req.state<T>()`. It runs on the thread
/// that serves (on several at once, where several do), and must not wait: a slow hash of the password belongs into a
/// layer that waits, with ap::offload. Compare secrets by ap::same_secret.
/// Throws std::invalid_argument for a realm with control bytes.
///
/// Source: RFC 7617. Example: admin.use(ap::basic_auth("admin", [](std::string_view name, std::string_view password) {
///                              return name == "ada" && ap::same_secret(password, secret); }));
template <class Check>
class basic_auth {
 public:
  basic_auth(std::string_view realm, Check check)
      : challenge_(detail::challenge("Basic", realm) + ", charset=\"UTF-8\""), check_(std::move(check)) {
    static_assert(fits(), "antiphon: basic_auth is given a function (std::string_view name, std::string_view password) "
                          "that returns a bool, or a std::optional of what you know of the user");
  }

  /// Hook of the layer.
  std::optional<response> before(request& req) const {
    const auto sent = detail::credentials(req, "Basic");
    const auto plain = sent ? http::base64_decode(*sent) : std::nullopt;
    const auto colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos || !without_control_bytes(*plain))
      return detail::unauthorized("send a name and a password", challenge_);
    const auto name = std::string_view(*plain).substr(0, colon);
    auto found = check_(name, std::string_view(*plain).substr(colon + 1));
    if (!found) return detail::unauthorized("the name or the password is wrong", challenge_);
    if constexpr (std::is_same_v<decltype(found), bool>) {
      req.set_state(identity{std::string(name)});
    } else {
      req.set_state(std::move(*found));
    }
    return std::nullopt;
  }

 private:
  static constexpr bool fits() {
    if constexpr (std::is_invocable_v<const Check&, std::string_view, std::string_view>) {
      return detail::identity_of<std::invoke_result_t<const Check&, std::string_view, std::string_view>>::known;
    } else {
      return false;
    }
  }
  static bool without_control_bytes(std::string_view text) noexcept {
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    return true;
  }

  std::string challenge_;
  Check check_;
};

} // namespace v0
} // namespace antiphon
