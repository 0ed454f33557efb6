// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/http/status.hpp>

#include <optional>
#include <string>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

/// Why a call of a client failed, where neither Asio nor HTTP has a code for it: a refused connection is Asio's, a
/// malformed answer is an http::error.
enum class client_error {
  bad_url = 1,         ///< not an absolute http URL, or what a redirect named is none
  bad_request,         ///< fields or a method that cannot be sent
  tls_missing,         ///< https without antiphon::tls
  unix_unsupported,    ///< this system has no Unix sockets
  dns_timeout,         ///< client_options::dns
  dns_busy,            ///< the resolver has as many questions as it may
  connect_timeout,     ///< client_options::connect
  send_timeout,        ///< client_options::send: the server takes no more of the request
  first_byte_timeout,  ///< client_options::first_byte
  idle_timeout,        ///< client_options::idle, between bytes of an answer
  total_timeout,       ///< client_options::total
  pool_timeout,        ///< client_options::wait
  pool_full,           ///< client_options::waiting
  closed_early,        ///< the connection ended before the answer began
  too_many_redirects,  ///< client_options::redirects
  insecure_redirect,   ///< from https to http
  body_not_repeatable, ///< a redirect wants the body again, and it was a coroutine's
  body_failed,         ///< the coroutine that made the body has thrown, or a write of it was cancelled
  layer_failed,        ///< a layer or a hook has thrown, and no system_error
  upgrade_to_another,  ///< the server switched to a protocol that was not asked for
  proxy_closed,        ///< the proxy ended the connection before it had answered CONNECT
  proxy_bad_answer,    ///< what the proxy answered to CONNECT is malformed, or over a limit of proxy_options
  proxy_refused = 1000 ///< the proxy opens no tunnel: this, and the status of its answer. See proxy_status()
};

namespace detail {

class error_category_of_client final : public asio::error_category {
 public:
  const char* name() const noexcept override { return "antiphon.client"; }
  std::string message(int value) const override {
    if (value > static_cast<int>(client_error::proxy_refused)) return refusal(value);
    switch (static_cast<client_error>(value)) {
    case client_error::bad_url:
      return "the URL is no absolute http URL: write http://host/path, percent-encoded, without user information";
    case client_error::bad_request:
      return "the request cannot be sent: Host, Content-Length, Transfer-Encoding and Connection are the client's, and "
             "CONNECT is no call";
    case client_error::tls_missing:
      return "https needs antiphon::tls: link it, and give the client its connector; this client speaks plain http";
    case client_error::unix_unsupported: return "this system has no Unix sockets";
    case client_error::dns_timeout: return "the name was not resolved in time (client_options::dns)";
    case client_error::dns_busy: return "the resolver has as many questions as it may: try again later";
    case client_error::connect_timeout: return "no connection was made in time (client_options::connect)";
    case client_error::send_timeout: return "the server does not take the request (client_options::send)";
    case client_error::first_byte_timeout: return "the server did not answer in time (client_options::first_byte)";
    case client_error::idle_timeout: return "the answer stopped coming (client_options::idle)";
    case client_error::total_timeout: return "the call took too long in all (client_options::total)";
    case client_error::pool_timeout:
      return "no connection became free in time (client_options::wait): the server is slow, or "
             "client_options::connections too few";
    case client_error::pool_full: return "too many calls wait for a connection already (client_options::waiting)";
    case client_error::closed_early: return "the server closed the connection before it answered";
    case client_error::too_many_redirects: return "there were more redirects than client_options::redirects";
    case client_error::insecure_redirect:
      return "a redirect leads from https to http: refused, unless client_options::allow_downgrade";
    case client_error::body_not_repeatable:
      return "a redirect wants the body once more, but a coroutine has made it: send it to the new place yourself";
    case client_error::body_failed:
      return "the coroutine that makes the body of the request has thrown, or one of its writes was cancelled";
    case client_error::layer_failed: return "a layer or a hook of the client has thrown an exception of its own";
    case client_error::upgrade_to_another: return "the server switched to a protocol that was not asked for";
    case client_error::proxy_closed: return "the proxy closed the connection before it had answered CONNECT";
    case client_error::proxy_bad_answer:
      return "the answer of the proxy to CONNECT is malformed, or over a limit of proxy_options: does an HTTP proxy "
             "listen there?";
    case client_error::proxy_refused: break;
    }
    return "unknown error of antiphon's client";
  }

 private:
  static std::string refusal(int value) {
    const auto code = static_cast<http::status>(value - static_cast<int>(client_error::proxy_refused));
    std::string said = "the proxy opens no tunnel to the server: it answered CONNECT with ";
    said.append(std::to_string(http::code(code)));
    if (!http::reason(code).empty()) said.append(" ").append(http::reason(code));
    // Some say 401 where the credentials are wrong.
    if (code == http::status::proxy_authentication_required || code == http::status::unauthorized)
      said.append(", since it wants credentials, or others: they stand in its URL, http://user:password@host:port, and "
                  "are sent as Basic");
    return said;
  }
};

} // namespace detail

inline const asio::error_category& client_error_category() noexcept {
  static const detail::error_category_of_client category;
  return category;
}

inline error_code make_error_code(client_error e) noexcept {
  return error_code(static_cast<int>(e), client_error_category());
}

/// The status with which a proxy has refused to open a tunnel, if that is why a call failed.
inline std::optional<http::status> proxy_status(const error_code& ec) noexcept {
  constexpr int none = static_cast<int>(client_error::proxy_refused);
  if (ec.category() != client_error_category() || ec.value() <= none) return std::nullopt;
  return static_cast<http::status>(ec.value() - none);
}

} // namespace v0
} // namespace antiphon

template <>
struct std::is_error_code_enum<antiphon::client_error> : std::true_type {};
