// SPDX-License-Identifier: BSL-1.0
// The only file that names an Asio version or a compiler. Every other header includes Asio through this one.
#pragma once

// Asio 1.22 looks for macros of the standard library before it has included any of it: without this, two translation
// units would disagree on whether its memory is of aligned_alloc or of operator new, and free each other's the wrong
// way.
#include <cstddef>

#if !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#error "antiphon needs exceptions: remove -fno-exceptions (RTTI may stay off)."
#endif

#if !defined(ASIO_STANDALONE)
#define ASIO_STANDALONE 1
#endif

// Asio asks for typeid unless told otherwise, also where RTTI is off.
#if !defined(__cpp_rtti) && !defined(_CPPRTTI) && !defined(ASIO_NO_TYPEID)
#define ASIO_NO_TYPEID 1
#endif

// clang before Asio 1.26: Asio asks for __cpp_coroutines, which clang no longer defines (chriskohlhoff/asio, 1.26
// notes).
#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT)
#define ASIO_HAS_CO_AWAIT 1
#endif
#if defined(__clang__) && !defined(ASIO_HAS_STD_COROUTINE)
#define ASIO_HAS_STD_COROUTINE 1
#endif

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/error_code.hpp>
#include <asio/execution.hpp>
#include <asio/execution_context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/system_error.hpp>
#include <asio/system_executor.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/version.hpp>
#if ASIO_VERSION < 102500
#include <asio/experimental/as_tuple.hpp>
#else
#include <asio/as_tuple.hpp>
#endif

#if !defined(ASIO_HAS_CO_AWAIT)
#error "antiphon needs coroutines: compile as C++20 (-std=c++20) with g++ 12, clang 14 or newer."
#endif

// g++ destroys some temporaries of a co_await expression twice (seen with 12.2; hazards of this kind are refused by
// static_assert where a public function takes a callable or an aggregate).
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 14
#define ANTIPHON_CO_AWAIT_DESTROYS_TEMPORARIES_TWICE 1
#endif

// The function that it stands in, as text, with its template arguments.
#if defined(_MSC_VER) && !defined(__clang__)
#define ANTIPHON_SIGNATURE __FUNCSIG__
#else
#define ANTIPHON_SIGNATURE __PRETTY_FUNCTION__
#endif

namespace antiphon {
inline namespace v0 {

namespace asio = ::asio;
using error_code = asio::error_code;
using system_error = asio::system_error;

namespace detail {

/// `as_tuple(use_awaitable)` wherever Asio keeps it: `auto [ec, n] = co_await op(..., detail::tuple_awaitable)`.
#if ASIO_VERSION < 102500
inline constexpr auto tuple_awaitable = asio::experimental::as_tuple_t<asio::use_awaitable_t<>>(asio::use_awaitable);
#else
inline constexpr auto tuple_awaitable = asio::as_tuple_t<asio::use_awaitable_t<>>(asio::use_awaitable);
#endif

/// Whether this is a T inside. `any_io_executor::target<T>()` does not say in Asio 1.22: it casts without a look.
/// Without RTTI nothing says: false then.
template <class T>
bool targets([[maybe_unused]] const asio::any_io_executor& executor) noexcept {
#if !defined(ASIO_NO_TYPEID)
  return executor.target_type() == typeid(T);
#else
  return false;
#endif
}

/// The context behind any executor.
template <class Executor>
asio::execution_context& context_of(const Executor& executor) {
  return asio::query(executor, asio::execution::context);
}

} // namespace detail
} // namespace v0
} // namespace antiphon
