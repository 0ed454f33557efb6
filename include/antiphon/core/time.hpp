// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/time_service.hpp>

#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

struct initiate_sleep {
  template <class Handler, class Executor>
  void operator()(Handler handler, const Executor& executor, duration length) const {
    auto& time = time_of(executor);
    auto* const op = park<sleep_base>(std::move(handler), executor, time);
    if (!time.add(*op, later(time.now(), length))) op->destroy();
  }
};

} // namespace detail

/// Waits for a time to pass. Virtual time of the executor's context applies to it, as it does not to asio's timers.
///
/// Completes:  void(error_code), not earlier than `length` from now; outstanding work until then.
/// Errors:     asio::error::operation_aborted when it was cancelled.
/// Cancels:    all types.
template <class Executor, class Token>
[[nodiscard]] auto async_sleep_for(const Executor& executor, duration length, Token&& token) {
  return asio::async_initiate<Token, void(error_code)>(detail::initiate_sleep(), token, executor, length);
}

/// Waits for a time to pass, in a coroutine: `co_await ap::sleep_for(500ms)`.
///
/// Completes:  when `length` has passed, in the virtual time of the context if it has one.
/// Errors:     throws system_error(operation_aborted) when it was cancelled.
/// Cancels:    all types that the coroutine lets through; terminal by default.
[[nodiscard]] inline asio::awaitable<void> sleep_for(duration length) {
  const auto executor = co_await asio::this_coro::executor;
  co_await async_sleep_for(executor, length, asio::use_awaitable);
}

} // namespace v0
} // namespace antiphon
