// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/message.hpp>

#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What a source yields.
template <class S>
using received_t =
    typename decltype(std::declval<std::remove_cvref_t<S>&>().async_receive(asio::use_awaitable))::value_type;

/// Messages are passed on as what they hold, everything else as it is.
struct pass_on {
  template <class T>
  const T& operator()(const message<T>& m) const noexcept {
    return *m;
  }
  template <class T>
  T&& operator()(T&& value) const noexcept {
    return std::forward<T>(value);
  }
};

// Source and Sink are references where they are borrowed.
template <class Source, class Sink, class Transform>
asio::awaitable<void> run_pipe(Source from, Sink to, Transform transform) {
  for (;;) {
    error_code ec;
    received_t<Source> value;
    try {
      value = co_await from.async_receive(asio::use_awaitable);
    } catch (const system_error& e) {
      ec = e.code();
    }
    if (ec == asio::error::eof) co_return;
    if (ec) throw system_error(ec, "reading from the source of a pipe");
    std::decay_t<decltype(transform(std::as_const(value)))> made = transform(std::as_const(value));
    co_await to.async_send(std::move(made), asio::use_awaitable);
  }
}

} // namespace detail

/// Sends what a source yields to a sink, one value after the other: the sink's pace is the pipe's.
///
///     co_await ap::pipe(feed, ws);
///     co_await ap::pipe(feed, log, [](const ap::message<order>& m) { return m->text; });
///     auto greet = [name](const ap::message<order>& m) { return name + m->text; }; // what it owns has a name first
///     co_await ap::pipe(feed, log, greet);
///
/// Completes:  when the source has ended (eof).
/// Errors:     throws system_error with what the source or the sink ended with; a gap is such an error, unless the
///             subscription skips gaps.
/// Cancels:    as the source and the sink do; what was read and not sent is lost.
/// Borrows:    source and sink: lvalues until completion, rvalues are moved in. The transform is copied, or moved.
template <source Source, class Sink, class Transform = detail::pass_on>
[[nodiscard]] asio::awaitable<void> pipe(Source&& from, Sink&& to, Transform&& transform = {}) {
  using value = detail::received_t<Source>;
  using function = const std::decay_t<Transform>&;
  static_assert(safe_in_co_await<Transform>,
                "antiphon: give the transform a name first, `auto f = [...](...) {...}; co_await pipe(from, to, f);`: "
                "this compiler destroys it twice otherwise");
  static_assert(std::is_invocable_v<function, const value&>,
                "antiphon: the transform of a pipe is called with (const T&), where T is what the source yields");
  static_assert(
      sink<Sink, std::decay_t<std::invoke_result_t<function, const value&>>>,
      "antiphon: what this source yields is not what this sink takes: give pipe() a third argument that makes "
      "the one of the other, [](const auto& value) { return … }");
  return detail::run_pipe<Source, Sink, std::decay_t<Transform>>(std::forward<Source>(from), std::forward<Sink>(to),
                                                                 std::forward<Transform>(transform));
}

} // namespace v0
} // namespace antiphon
