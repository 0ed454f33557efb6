// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/live/detail/reader_state.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace live {

/// Reads a topic of another program in the best way that works: its server-sent events, else long polls, else short
/// ones. It keeps one cursor over all, so that nothing is lost and nothing comes twice, and tries the better way again
/// from time to time.
///
///     ap::live::reader news(client, {.stream = "http://localhost:8080/news/stream",
///                                    .poll = "http://localhost:8080/news/next"});
///     for (;;) {
///       const auto d = co_await news.async_receive(asio::use_awaitable);
///       d.visit([](const ap::message<ap::live::item>& m) { show(m->data); },
///               [](const ap::gap& g) { show_missed(g); }, [](ap::other_log) { forget_all(); });
///     }
///
/// Data that came in events is always text, with line ends as LF; bytes come whole by polls, and in events where the
/// topic has several subjects. While a better way is tried, messages may be late by reader_options::prove.
///
/// A handle: a copy is the same reader, and the last one that goes closes it. Thread safety: none, on the client's
/// executor. Example: examples/follow.cpp
class reader {
 public:
  using executor_type = asio::any_io_executor;
  using value_type = delivery<polling::item>;

  /// Throws std::invalid_argument where there is no URL, and for position::since().
  explicit reader(const client& c, const reader_options& options)
      : state_(std::make_shared<const owner>(new detail::reader_state(c, options))) {}

  executor_type get_executor() const { return (*state_)->executor(); }

  /// Calls f(client_request&) before each attempt, whatever the way: for fresh credentials. Before the first receive.
  template <class F>
  const reader& before_attempt(F f) const {
    static_assert(std::is_invocable_v<F&, client_request&>,
                  "antiphon: live::reader::before_attempt() takes a function void(antiphon::client_request&)");
    (*state_)->before_attempt(std::move(f));
    return *this;
  }

  /// The next message, or what was missed.
  ///
  /// Completes:  void(error_code, delivery<item>), on the associated executor, never inside the call.
  /// Errors:     eof when the topic was closed (the stream says so); what the last way was refused with, when every way
  ///             is refused for good; operation_aborted.
  /// Cancels:    all types; no message is lost.
  template <class Token>
  [[nodiscard]] auto async_receive(Token&& token) const {
    return asio::async_initiate<Token, void(error_code, value_type)>(
        v0::detail::initiate_pull<value_type>(), token,
        v0::detail::counted_ptr<v0::detail::pulled<value_type>>(state_->get()));
  }

  /// The way that is used at the moment; none while it is being found.
  way via() const noexcept { return (*state_)->via(); }
  /// How far it has come: what another reader would go on from. Nothing before the first message.
  std::optional<cursor> at() const noexcept { return (*state_)->at(); }
  /// How often it left a way.
  std::uint64_t switches() const noexcept { return (*state_)->switches(); }
  /// Ends it; a receive that waits is aborted.
  void close() const noexcept { (*state_)->close(); }

 private:
  using owner = v0::detail::pulled_owner<detail::reader_state>;
  std::shared_ptr<const owner> state_;
};

using polling::item;

} // namespace live
} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/live/detail/reader_life.hpp>
#endif
