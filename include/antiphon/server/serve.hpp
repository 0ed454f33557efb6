// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/parked.hpp>
#include <antiphon/http/llhttp.hpp>
#include <antiphon/server/detail/server.hpp>
#include <antiphon/server/options.hpp>
#include <antiphon/server/router.hpp>

#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Whether all that is given to an executor runs one at a time. An io_context counts as one thread: that is how it is
/// to be run here. A strand is one. Anything else gets a strand a connection.
template <class Executor>
bool runs_one_at_a_time(const Executor& executor) {
  if constexpr (std::is_same_v<Executor, asio::any_io_executor>) {
    return targets<asio::io_context::executor_type>(executor) ||
           targets<asio::strand<asio::io_context::executor_type>>(executor) ||
           targets<asio::strand<asio::thread_pool::executor_type>>(executor) ||
           targets<asio::strand<asio::any_io_executor>>(executor);
  } else {
    return !std::is_same_v<Executor, asio::thread_pool::executor_type>;
  }
}

inline void check_server(const serve_options& options) {
  static const bool strict = (http::check_llhttp_is_strict(), true); // once a program
  static_cast<void>(strict);
  if (!options.server_name.empty() && !http::is_field_value(options.server_name))
    throw std::invalid_argument("antiphon: serve_options::server_name has a control byte: it is sent in a field");
}

template <class Listener>
counted_ptr<server_base> make_server(Listener listener, const router& app, const serve_options& options,
                                     std::shared_ptr<server_totals> totals = std::make_shared<server_totals>()) {
  check_server(options);
  const bool one = runs_one_at_a_time(listener.get_executor());
  return counted_ptr<server_base>(new server<Listener>(std::move(listener), one, app, options, std::move(totals)));
}

} // namespace detail

/// Something that connections come from: an acceptor of Asio (TCP, Unix), or any object with the same two members.
template <class Listener>
concept listener = requires(Listener& l) {
  l.get_executor();
  l.close();
};

/// Accepts connections and serves them with `app`, on the listener's executor, until it is told to stop.
///
/// An io_context counts as one thread; on a thread_pool every connection gets a strand. Several servers may serve the
/// same router, one io_context a thread: that is the way to scale, and handlers then run at the same time.
///
/// Completes:  void(error_code), when every connection, handler, body and upgrade is destroyed.
/// Errors:     error::handlers_still_running when handlers ignore their cancellation for 5 s after the drain.
///             Throws std::invalid_argument at once for a router with duplicate routes, std::runtime_error for a loose
///             llhttp.
/// Cancels:    partial: drains (stops accepting, ends idle connections, lets answers end, tells flows and upgrades,
///             cuts at serve_options::drain); a second time, or terminal: cuts at once. From any thread.
/// Borrows:    nothing; the listener is moved in, the router is a handle.
/// Example:    examples/embed.cpp
template <class Listener, asio::completion_token_for<void(error_code)> Token>
requires listener<Listener>
auto async_serve(Listener from, router app, serve_options options, Token&& token) {
  static_assert(!std::is_lvalue_reference_v<Listener>);
  auto server = detail::make_server(std::move(from), app, options);
  return asio::async_initiate<Token, void(error_code)>(
      [](auto handler, detail::counted_ptr<detail::server_base> s) {
        auto& at = *s;
        at.begin(*detail::park<detail::serve_wait>(std::move(handler), at.executor, at));
      },
      token, std::move(server));
}

template <class Listener, asio::completion_token_for<void(error_code)> Token>
requires listener<Listener>
auto async_serve(Listener from, router app, Token&& token) {
  return async_serve(std::move(from), std::move(app), serve_options(), std::forward<Token>(token));
}

} // namespace v0
} // namespace antiphon
