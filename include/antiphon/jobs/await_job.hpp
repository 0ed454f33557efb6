// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/client.hpp>
#include <antiphon/core/concepts.hpp>
#include <antiphon/core/from_payload.hpp>
#include <antiphon/jobs/detail/job_follow.hpp>
#include <antiphon/jobs/error.hpp>
#include <antiphon/jobs/job_status.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

template <class F>
class progress_hook_of final : public progress_hook {
 public:
  explicit progress_hook_of(F f) : f_(std::move(f)) {}
  void call(const payload& p) override { f_(p); }

 private:
  F f_;
};

template <class T>
asio::awaitable<T> result_of_job(client c, std::string url, await_options options,
                                 std::shared_ptr<progress_hook> hook) {
  auto done = co_await follow_job(std::move(c), std::move(url), options, std::move(hook));
  if constexpr (!std::is_void_v<T>) {
    auto value = read_payload<T>(payload::view_of(done.result->bytes.view(), done.result->type));
    if (!value) throw system_error(make_error_code(error::bad_result), "a job");
    co_return *std::move(value);
  }
}

} // namespace detail

/// Sends a request that a job comes of, and returns the URL of the job: for await_job(). It is sent with an
/// Idempotency-Key, one of its own where the request has none, so that a connection that breaks makes no second job.
///
/// Errors: system_error as client::send(); error::bad_answer where the server names no job; job_failure with the
///         problem that the server tells (503: too many).
[[nodiscard]] inline asio::awaitable<std::string> submit(const client& c, client_request req) {
  return detail::submit_job(c, std::move(req));
}

/// Waits for the end of a job of another program, and gives its result. It follows by server-sent events where the
/// server offers them (Link, rel="monitor"), waits by `Prefer: wait` where it does not, and polls at the pace of
/// Retry-After where it cannot wait. Connections that break are made again, and nothing of the progress is lost where
/// the server keeps it.
///
///     const auto url = co_await ap::jobs::submit(client, ap::client_request(ap::method::post, jobs).body(text, type));
///     const auto report = co_await ap::jobs::await_job<std::string>(client, url);
///
/// `on_progress`: `void(const ap::payload&)`, called on the executor of the coroutine with each progress in order;
/// those that came between two polls are one. read_payload<T>() makes values of it.
///
/// Completes:  with the result, a T by from_payload(); T may be void.
/// Errors:     job_failure with the problem of a job that failed; system_error: error::cancelled, error::shutting_down,
///             error::no_such_job, error::lost, error::bad_answer, error::bad_result; http::error::body_too_large;
///             client_error for what is hopeless; what on_progress throws, and then the job goes on.
/// Cancels:    terminal. The job is asked to end, too: await_options::cancel_job.
template <class T>
[[nodiscard]] asio::awaitable<T> await_job(const client& c, std::string url, const await_options& options = {}) {
  return detail::result_of_job<T>(c, std::move(url), options, nullptr);
}
template <class T, class F>
requires(!std::same_as<std::remove_cvref_t<F>, await_options>) //
    [[nodiscard]] asio::awaitable<T> await_job(const client& c, std::string url, F&& on_progress,
                                               const await_options& options = {}) {
  static_assert(std::is_invocable_v<std::decay_t<F>&, const payload&>,
                "antiphon: on_progress is a function void(const antiphon::payload&)");
  static_assert(
      safe_in_co_await<F>,
      "antiphon: give on_progress a name first, `auto show = [...](const antiphon::payload& p) {...}; co_await "
      "await_job<T>(client, url, show);`: this compiler destroys it twice otherwise");
  return detail::result_of_job<T>(
      c, std::move(url), options,
      std::make_shared<detail::progress_hook_of<std::decay_t<F>>>(std::forward<F>(on_progress)));
}

} // namespace jobs
} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/jobs/detail/job_follow_life.hpp>
#endif
