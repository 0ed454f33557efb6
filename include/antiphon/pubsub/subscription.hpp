// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/cursor.hpp>
#include <antiphon/core/delivery.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/pubsub/detail/receive.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// A reader of a log in this program. It keeps the log alive; there is no queue behind it: what it has not read is in
/// the log's history, and if that has moved on it is told.
///
/// What it yields is message<T>, or delivery<T> where it was made with on_gap::report. Thread safety: one thread at a
/// time, one operation at a time. Lifetime: an operation that is under way goes on without it.
///
///     auto news = topic.subscribe();
///     for (;;) show(*co_await news.async_receive(asio::use_awaitable));
template <class T, class Gaps = on_gap::fail_type>
class subscription {
  using core = detail::subscribed<T, Gaps>;

 public:
  using value_type = typename core::value_type;

  /// Reads the next one, and waits for it.
  ///
  /// Completes:  void(error_code, value_type), on the associated executor. The token must have one, and it must be
  ///             serial: a strand, or that of a context which one thread runs.
  /// Errors:     error::gap, error::other_log, once each, unless it was made to skip or to report them: the next read
  ///             goes on at the oldest message that is kept; eof when the log is closed and read to its end;
  ///             operation_aborted when it was cancelled, and then nothing was read.
  /// Cancels:    all types.
  template <class Token>
  [[nodiscard]] auto async_receive(Token&& token) {
    return asio::async_initiate<Token, void(error_code, value_type)>(detail::initiate_receive<T, Gaps>(), token, core_);
  }

  /// Reads a batch: when `most` have come, or `wait` has passed since the first of them.
  ///
  /// Completes:  void(error_code, std::vector<value_type>), as above, on a serial executor as well; `wait` is in the
  ///             virtual time of the context if it has one.
  /// Errors:     as above; what was read before the error comes with it.
  /// Cancels:    all types; what was read until then comes with operation_aborted.
  template <class Token>
  [[nodiscard]] auto async_collect(std::size_t most, duration wait, Token&& token) {
    assert(most > 0);
    return asio::async_initiate<Token, void(error_code, std::vector<value_type>)>(detail::initiate_collect<T, Gaps>(),
                                                                                  token, core_, most, wait);
  }

  /// The next one if it is there: nothing, and no error, if not. Errors as async_receive().
  std::optional<value_type> try_receive(error_code& ec) {
    value_type value;
    ec = {};
    if (!core_->look(value, ec) || ec) return std::nullopt;
    return value;
  }

  /// How far it has come: a place to subscribe after.
  cursor at() const noexcept { return core_->reader.at(); }
  /// How many messages of the log it has not read.
  std::uint64_t lag() const noexcept { return core_->reader.lag(); }
  /// How many it has missed without being told; of one that skips gaps.
  std::uint64_t skipped() const noexcept { return core_->skipped; }

  /// For logs.
  explicit subscription(detail::counted_ptr<core> c) noexcept : core_(std::move(c)) {}

 private:
  detail::counted_ptr<core> core_;
};

} // namespace v0
} // namespace antiphon
