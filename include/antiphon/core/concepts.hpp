// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

template <class T>
inline constexpr bool is_awaitable_v = false;
template <class T>
inline constexpr bool is_awaitable_v<asio::awaitable<T>> = true;

} // namespace detail

/// What a coroutine function returns: `asio::awaitable<T>` on `any_io_executor`.
template <class T>
concept awaitable_value = detail::is_awaitable_v<std::remove_cvref_t<T>>;

/// Something that code can be run on: `io.get_executor()`, a strand, a pool's executor, an any_io_executor.
template <class T>
concept executor = asio::execution::is_executor<std::remove_cvref_t<T>>::value;

/// Something that has an executor: a context, a pool, a stream.
template <class T>
concept has_executor = requires(std::remove_cvref_t<T>& t) {
  { t.get_executor() } -> executor;
};

/// Something that values come from, one after the other: `async_receive(token)` completes with an error_code and a
/// value.
template <class S>
concept source = requires(std::remove_cvref_t<S>& s) {
  { s.async_receive(asio::use_awaitable) } -> awaitable_value;
};

/// Something that takes values: `async_send(value, token)` completes with an error_code and an event_id when the other
/// end has accepted the value.
template <class S, class T>
concept sink = requires(std::remove_cvref_t<S>& s, T value) {
  { s.async_send(std::move(value), asio::use_awaitable) } -> awaitable_value;
};

/// What may be written as an argument inside a `co_await` expression. Where the compiler destroys such temporaries
/// twice, only what has a name, or needs no destructor.
#if defined(ANTIPHON_CO_AWAIT_DESTROYS_TEMPORARIES_TWICE)
template <class Argument>
concept safe_in_co_await =
    std::is_lvalue_reference_v<Argument> || std::is_trivially_destructible_v<std::remove_cvref_t<Argument>>;
#else
template <class>
concept safe_in_co_await = true;
#endif

} // namespace v0
} // namespace antiphon
