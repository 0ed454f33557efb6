// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/delivery.hpp>
#include <antiphon/http/json_messages.hpp>
#include <antiphon/sse/detail/event_source_state.hpp>
#include <antiphon/sse/detail/event_types.hpp>
#include <antiphon/sse/error.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace sse {

/// What a stream of antiphon says of messages that were missed, in the event "antiphon-gap"; nothing for other events.
/// Empty where it cannot be read.
inline std::optional<gap> gap_of(const event& e) {
  if (e.type != detail::gap_type) return std::nullopt;
  http::json_scanner in(e.data);
  const gap found = http::detail::take_gap(in);
  return in.finish() ? std::optional<gap>(found) : gap{};
}
/// Whether the event says that the place was another log's: what was known is void.
inline bool is_other_log(const event& e) noexcept { return e.type == detail::other_log_type; }

/// Reads a stream of server-sent events, for as long as it takes: where the connection fails or ends it is made again,
/// with the last id. Any answer but 200, any type but text/event-stream, and compression end it for good.
/// Redirects are followed.
///
///     ap::sse::event_source events(client, "http://localhost:8080/news/stream");
///     for (;;) show(co_await events.async_receive(asio::use_awaitable));
///
/// It does something only while somebody receives: there is no coroutine behind it, and what is not received stays with
/// the server. A stream takes one of client_options::connections. What a stream of antiphon says of missed messages
/// comes in its place: see gap_of() and is_other_log(). Another method than GET, a body and fields: by a client_request
/// in the place of the URL.
///
/// A handle: a copy is the same stream, and the last one that goes closes it. Thread safety: none, on the client's
/// executor. Source: WHATWG HTML, section 9.2. Unlike there, a new connection keeps the id until it brings another.
/// Example: examples/event_source.cpp
class event_source {
 public:
  using executor_type = asio::any_io_executor;
  using value_type = event;

  event_source(const client& c, std::string url, const event_source_options& options = {})
      : event_source(c, client_request(http::method::get, std::move(url)), options) {}
  /// Throws std::invalid_argument for a request whose body comes of a coroutine.
  event_source(const client& c, client_request req, const event_source_options& options = {})
      : state_(std::make_shared<const owner>(new detail::event_source_state(c, std::move(req), options))) {}

  executor_type get_executor() const { return (*state_)->executor(); }

  /// Calls f before each attempt, with the request that will be sent: for fresh credentials. `void(client_request&)`,
  /// or a coroutine; a system_error that it throws is an attempt that failed, anything else ends the stream. Before the
  /// first receive.
  template <class F>
  const event_source& before_attempt(F f) const {
    (*state_)->before_attempt(v0::detail::make_attempt_hook(std::move(f)));
    return *this;
  }

  /// The next event; its id is the last one that the stream gave.
  ///
  /// Completes:  void(error_code, event), on the associated executor, never inside the call.
  /// Errors:     sse::error and client_error for what cannot heal, then and ever after; with
  ///             event_source_options::attempts also what the last attempt failed with; operation_aborted.
  /// Cancels:    all types; no event is lost.
  template <class Token>
  [[nodiscard]] auto async_receive(Token&& token) const {
    return asio::async_initiate<Token, void(error_code, event)>(
        v0::detail::initiate_pull<event>(), token, v0::detail::counted_ptr<v0::detail::pulled<event>>(state_->get()));
  }

  ready_state state() const noexcept { return (*state_)->state(); }
  /// What a new event_source would go on from: of the event that was received last.
  const std::string& last_id() const noexcept { return (*state_)->last_id(); }
  /// Of the last answer; 0 before there is one.
  http::status status() const noexcept { return (*state_)->status(); }
  /// Ends it; a receive that waits is aborted.
  void close() const noexcept { (*state_)->close(); }

  /// For live::reader.
  const v0::detail::counted_ptr<detail::event_source_state>& shared() const noexcept { return state_->get(); }

 private:
  using owner = v0::detail::pulled_owner<detail::event_source_state>;
  std::shared_ptr<const owner> state_;
};

} // namespace sse
} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/sse/detail/event_source_life.hpp>
#endif
