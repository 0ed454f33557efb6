// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/delivery.hpp>
#include <antiphon/polling/detail/feed_state.hpp>
#include <antiphon/polling/error.hpp>
#include <antiphon/polling/item.hpp>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace polling {

/// Reads a log of another program by polls, in their JSON form: long ones, or short ones.
///
///     ap::polling::feed news(client, "http://localhost:8080/news/next");
///     for (;;) {
///       const auto d = co_await news.async_receive(asio::use_awaitable);
///       d.visit([](const ap::message<ap::polling::item>& m) { show(m->data); },
///               [](const ap::gap& g) { show_missed(g); }, [](ap::other_log) { forget_all(); });
///     }
///
/// It polls only while somebody receives, and keeps its place: also over failures, which are tried again after a time
/// at random. It goes at the server's pace (Retry-After), follows its links (Link, rel="next") within its origin, and
/// asks for nothing that it has (ETag). An answer is read whole before its first message is given.
///
/// A handle: a copy is the same feed, and the last one that goes closes it. Thread safety: none, on the client's
/// executor. Source: RFC 6202, RFC 7240, section 4.3, RFC 9110, sections 10.2.3 and 13.1.2. Example:
/// examples/follow.cpp
class feed {
 public:
  using executor_type = asio::any_io_executor;
  using value_type = delivery<item>;

  feed(const client& c, std::string url, const feed_options& options = {})
      : feed(c, client_request(http::method::get, std::move(url)), options) {}
  /// Throws std::invalid_argument for a request whose body comes of a coroutine, and for position::since().
  feed(const client& c, client_request req, const feed_options& options = {})
      : state_(std::make_shared<const owner>(new detail::feed_state(c, std::move(req), options))) {}

  executor_type get_executor() const { return (*state_)->executor(); }

  /// Calls f before each poll, with the request that will be sent: for fresh credentials. `void(client_request&)`, or a
  /// coroutine; a system_error that it throws is a poll that failed, anything else ends the feed. Before the first
  /// receive.
  template <class F>
  const feed& before_attempt(F f) const {
    (*state_)->before_attempt(v0::detail::make_attempt_hook(std::move(f)));
    return *this;
  }

  /// The next message, or what was missed.
  ///
  /// Completes:  void(error_code, delivery<item>), on the associated executor, never inside the call.
  /// Errors:     polling::error, client_error and http::error::body_too_large for what cannot heal (4xx but 408, 425
  ///             and 429), then and ever after; with feed_options::attempts also what the last poll failed with;
  ///             operation_aborted.
  /// Cancels:    all types; no message is lost.
  template <class Token>
  [[nodiscard]] auto async_receive(Token&& token) const {
    return asio::async_initiate<Token, void(error_code, value_type)>(
        v0::detail::initiate_pull<value_type>(), token,
        v0::detail::counted_ptr<v0::detail::pulled<value_type>>(state_->get()));
  }

  /// How far it has come: what another feed would go on from. Nothing before the first answer.
  std::optional<cursor> at() const noexcept { return (*state_)->at(); }
  /// Of the last answer; 0 before there is one.
  http::status status() const noexcept { return (*state_)->status(); }
  /// Ends it; a receive that waits is aborted.
  void close() const noexcept { (*state_)->close(); }

  /// For live::reader.
  const v0::detail::counted_ptr<detail::feed_state>& shared() const noexcept { return state_->get(); }

 private:
  using owner = v0::detail::pulled_owner<detail::feed_state>;
  std::shared_ptr<const owner> state_;
};

} // namespace polling
} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/polling/detail/feed_life.hpp>
#endif
