// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/detail/offload_task.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

template <class Pool>
auto pool_executor(Pool& pool) {
  static_assert(executor<Pool> || has_executor<Pool>,
                "offload runs a function on a pool: give it an asio::thread_pool or an executor first");
  if constexpr (executor<Pool>) {
    return pool;
  } else {
    return pool.get_executor();
  }
}

template <class F>
auto make_offload_task(F&& f) {
  using task = offload_task<std::decay_t<F>>;
  static_assert(std::invocable<std::decay_t<F>&>, "offload takes a function without parameters");
  using result = typename task::result_type;
  static_assert(!awaitable_value<result>,
                "offload takes a function that blocks; a coroutine needs no pool: co_await it");
  return std::shared_ptr<offload_result<result>>(std::make_shared<task>(std::forward<F>(f)));
}

/// One for all functions of a result. It knows nothing of their types: g++ 12 warns of a frame that holds one with a
/// lambda's (-Wsubobject-linkage), in some places.
template <class Executor, class R>
asio::awaitable<R> run_offloaded(Executor pool, std::shared_ptr<offload_result<R>> task) {
  using box = std::optional<stored<R>>;
  box value = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr, box)>(
      initiate_offload<true>(), asio::use_awaitable, pool, std::move(task));
  if constexpr (!std::is_void_v<R>) co_return std::move(*value);
}

} // namespace detail

/// Runs a function that blocks on a pool of threads, and returns its result where the coroutine was.
///
///     auto hash = [password] { return slow_hash(password); };
///     const std::string h = co_await ap::offload(pool, hash);
///
/// Completes:  with what `f` returned, on the coroutine's executor.
/// Errors:     what `f` throws; system_error(operation_aborted) when it was cancelled before it began, or the pool was
///             destroyed before that.
/// Cancels:    all types, but only until `f` begins: then its end is awaited.
/// Borrows:    nothing: `f` is copied, or moved if it is an rvalue, and destroyed on the pool after its run. Pass
///             std::ref(f) for a function that stays where it is. `pool` is an execution context or an executor.
template <class Pool, class F>
[[nodiscard]] auto offload(Pool&& pool, F&& f) {
  static_assert(safe_in_co_await<F>,
                "offload: give the function a name first, `auto f = [...] {...}; co_await offload(pool, f);`: this "
                "compiler destroys it twice otherwise");
  return detail::run_offloaded(detail::pool_executor(pool), detail::make_offload_task(std::forward<F>(f)));
}

/// The same with a completion token.
///
/// Completes:  void(std::exception_ptr, R), or void(std::exception_ptr) if `f` returns void, on the associated
/// executor,
///             or on the pool where there is none. R can be made from nothing.
/// Cancels:    as offload.
template <class Pool, class F, class Token>
[[nodiscard]] auto async_offload(Pool&& pool, F&& f, Token&& token) {
  auto task = detail::make_offload_task(std::forward<F>(f));
  using result = typename decltype(task)::element_type::result_type;
  static_assert(std::is_void_v<result> || std::default_initializable<result>,
                "async_offload: completion handlers get a result beside every exception, so it must be one that can be "
                "made from nothing; offload has no such need");
  return asio::async_initiate<Token, typename detail::offload_signature<result>::type>(
      detail::initiate_offload<false>(), token, detail::pool_executor(pool), std::move(task));
}

} // namespace v0
} // namespace antiphon
