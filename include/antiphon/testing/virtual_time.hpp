// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>

namespace antiphon {
inline namespace v0 {
namespace testing {

/// Lets a test decide what time it is in an io_context: hours pass in microseconds, and always in the same order.
///
/// It applies to everything in the library that waits, to `sleep_for` and to `with_timeout`; asio's own timers stay
/// real. Drive the context with advance() only, never with run(): a sleep is outstanding work, so run() would wait for
/// ever. Time stands still between calls, also after this object is gone. Thread safety: none, and one thread only may
/// touch the context.
///
///     asio::io_context io;
///     ap::testing::virtual_time time(io);
///     asio::co_spawn(io, handler(), done);
///     time.advance(1h);
class virtual_time {
 public:
  explicit virtual_time(asio::io_context& context)
      : context_(context), time_(antiphon::detail::time_of(context.get_executor())) {
    time_.manual();
  }

  time_point now() const noexcept { return time_.now(); }

  /// Runs all that can run, then steps to what is due next, and so on until `length` has passed and all is quiet again.
  void advance(duration length) {
    const time_point end = antiphon::detail::later(now(), length);
    settle();
    for (time_point next = time_.next(); next <= end && next != time_point::max(); next = time_.next()) {
      time_.advance_to(next);
      settle();
    }
    time_.advance_to(end);
    settle();
  }

  /// Runs all that can run now; no time passes.
  void settle() {
    do context_.restart();
    while (context_.poll() != 0);
  }

 private:
  asio::io_context& context_;
  antiphon::detail::time_service& time_;
};

} // namespace testing
} // namespace v0
} // namespace antiphon
