// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/offload.hpp>
#include <antiphon/jobs/job.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

template <class Executor, class F>
struct offloaded_work {
  Executor pool;
  std::shared_ptr<F> f;

  using result = std::invoke_result_t<F&, job&>;
  asio::awaitable<result> operator()(job& j) {
    // Its end is awaited, but for the end of the context: then the pool has it still.
    auto call = [f = f, &j, keep = j.keep()]() -> result { return (*f)(j); };
    if constexpr (std::is_void_v<result>) {
      co_await offload(pool, call);
    } else {
      auto value = co_await offload(pool, call);
      co_return value;
    }
  }
};

} // namespace detail
} // namespace jobs

/// Work that blocks, `Result f(ap::job&)`, as work of a job: it runs on a pool of threads that the program gives, an
/// execution context or an executor. A pool that is busy makes it wait, and then it counts as running. It hears of the
/// end by job::stop_token(), cancelled() or throw_if_cancelled(); until it has begun it is cancelled like any.
///
///     jobs.accept(req, ap::offloaded(pool, [image = req.take_body()](ap::job&) { return thumbnail(image); }));
template <class Pool, class F>
[[nodiscard]] auto offloaded(Pool&& pool, F f) {
  static_assert(std::invocable<F&, job&>,
                "antiphon: offloaded() takes a function that blocks: Result f(antiphon::job&)");
  static_assert(!awaitable_value<std::invoke_result_t<F&, job&>>,
                "antiphon: offloaded() takes a function that blocks; a coroutine needs no pool: give it to the store");
  using executor_type = decltype(detail::pool_executor(pool));
  return jobs::detail::offloaded_work<executor_type, F>{detail::pool_executor(pool), std::make_shared<F>(std::move(f))};
}

} // namespace v0
} // namespace antiphon
