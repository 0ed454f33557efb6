// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/detail/serial.hpp>
#include <antiphon/core/timeout.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/jobs/detail/job_routes.hpp>
#include <antiphon/jobs/detail/job_store_state.hpp>
#include <antiphon/jobs/detail/job_work.hpp>
#include <antiphon/jobs/job.hpp>
#include <antiphon/jobs/job_handle.hpp>
#include <antiphon/jobs/offloaded.hpp>
#include <antiphon/server/router.hpp>

#include <concepts>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// Work that goes on behind the answer: the client gets a handle at once, and asks, waits, follows or cancels by it. It
/// may go away meanwhile, and come back.
///
///     ap::job_store<std::string> jobs(io);
///     app.post("/jobs", [=](ap::request& req) {
///       return jobs.accept(req, [text = req.take_body()](ap::job& job) -> asio::awaitable<std::string> {
///         for (int percent = 0; percent < 100; percent += 10) {
///           co_await ap::sleep_for(500ms);
///           job.report(percent);
///         }
///         co_return "report on " + text;
///       });
///     });
///     app.mount("/jobs", jobs.routes());
///
/// Work is a coroutine `asio::awaitable<Result> f(ap::job&)`, or a function that blocks as ap::offloaded(pool, f); it
/// is called once for each attempt and lives until the last has ended. Jobs begin in the order of their coming, within
/// a priority, and so many run at once as the options say. They are in memory: they end with the process, and a server
/// that drains lets those that run finish in most of its time (8 of 10 parts), and gives the others back as cancelled.
/// What is over is destroyed at the first use of the store after its time.
///
/// A handle: a copy is the same store, and all members are const. With the last one what still runs is cancelled, so
/// work that is to go on when nobody holds the store captures it. Thread safety: all members, from any thread; jobs run
/// on the store's executor, one thread at a time: that of an io_context is taken as it is, as one thread runs it; any
/// other but a strand gets a strand. Example: examples/jobs.cpp
template <class Result>
class job_store {
 public:
  using executor_type = asio::any_io_executor;
  using handle = job_handle<Result>;

  explicit job_store(asio::any_io_executor executor, const job_store_options& options = {})
      : state_(std::make_shared<const jobs::detail::job_store_state>(one_at_a_time(std::move(executor)), options)) {}
  template <has_executor Context>
  requires(!executor<Context> &&
           !std::same_as<Context, job_store>) explicit job_store(Context& context,
                                                                 const job_store_options& options = {})
      : job_store(asio::any_io_executor(context.get_executor()), options) {}

  executor_type get_executor() const { return table().get_executor(); }

  /// Takes a job for the client of a request, and says where it is: 202 with Location and its status, or what the
  /// client asks for by `Prefer: wait=N`: 200 with the final status, where the job ends in that time. The body of the
  /// request counts as input of the job. With an Idempotency-Key that was used before the answer is that of the same
  /// job, and 422 where the payload is another one: method, target, media type or body.
  ///
  /// 503 with Retry-After where there are too many jobs, or the store drains.
  template <class Work>
  http::response accept(const http::request& req, Work work, const job_options& options = {}) const {
    static_assert(std::is_void_v<Result> || has_payload<Result>,
                  "antiphon: results are sent as bytes: write `antiphon::payload to_payload(const Result&)` beside the "
                  "type of the result, or take the job by submit() for this program alone");
    return jobs::detail::accept_job(state_, req, make(std::move(work), options));
  }

  /// Takes a job of this program. Throws system_error(jobs::error) where there is no room for it.
  template <class Work>
  handle submit(Work work, const job_options& options = {}) const {
    error_code ec;
    auto taken = submit(std::move(work), options, ec);
    if (ec) throw system_error(ec, "antiphon: job_store::submit");
    return *std::move(taken);
  }
  /// The same: nothing, and an error.
  template <class Work>
  std::optional<handle> submit(Work work, const job_options& options, error_code& ec) const {
    auto made = make(std::move(work), options);
    if (!table().add(made, ec)) return std::nullopt;
    return handle(state_, std::move(made));
  }
  std::optional<handle> find(const job_id& id) const {
    auto found = table().find(id);
    if (!found) return std::nullopt;
    return handle(state_, std::move(found));
  }

  /// What clients do with a job, to be mounted where it was accepted:
  ///
  /// GET /{id}: its status, with ETag and Retry-After. `Prefer: wait=N` waits for its end; with If-None-Match, for any
  /// change. GET /{id}/events: its progress and its changes as server-sent events, resumable, the last one final. GET
  /// /{id}/result: the result as it is. DELETE /{id}: asks for its end.
  ///
  /// Who knows a handle may do all of that. Behind a layer that lets nobody else through these routes are as safe as it
  /// is. A server that drains drains the store.
  ///
  /// Source: RFC 7240 (Prefer), RFC 9457 (problem details).
  router routes() const {
    static_assert(std::is_void_v<Result> || has_payload<Result>,
                  "antiphon: results are sent as bytes: write `antiphon::payload to_payload(const Result&)` beside the "
                  "type of the result");
    return jobs::detail::job_routes(state_, nullptr);
  }
  /// The same, and GET /: all jobs, the newest first, in pages (`?state=failed&limit=100&before=N`), for those requests
  /// for which `may_list(request)` is true; others get 403. Whoever sees the list has the handles of all.
  template <class F>
  requires std::predicate<F&, const http::request&> router routes(F may_list)
  const {
    static_cast<void>(routes()); // its sentence
    struct hook final : jobs::detail::job_list_hook {
      explicit hook(F callable) : f(std::move(callable)) {}
      bool allows(const http::request& req) override { return f(req); }
      F f;
    };
    return jobs::detail::job_routes(state_, std::make_shared<hook>(std::move(may_list)));
  }

  job_counts counts() const { return table().counts(); }
  /// The jobs that are kept, the newest first.
  std::vector<job_status> list(std::optional<job_state> state = {}, std::size_t most = 100) const {
    std::vector<job_status> found;
    for (const auto& r : table().list(state, ~std::uint64_t{0}, most)) found.push_back(table().status(*r, true));
    return found;
  }
  /// The last ones that failed for good, also those that are kept no more.
  std::deque<job_status> failures() const { return table().failures(); }
  /// Called with each attempt that failed: `void f(const ap::job_status&, std::exception_ptr)`, where the state says
  /// whether there will be another one. Before the first job; on the store's executor. Default: a line on stderr.
  template <class F>
  const job_store& on_error(F f) const {
    static_assert(std::is_invocable_v<F&, const job_status&, std::exception_ptr>,
                  "antiphon: on_error takes a function (const antiphon::job_status&, std::exception_ptr)");
    struct hook final : jobs::detail::job_error_hook {
      explicit hook(F callable) : f(std::move(callable)) {}
      void call(const job_status& of, std::exception_ptr e) override { f(of, std::move(e)); }
      F f;
    };
    table().on_error = std::make_shared<hook>(std::move(f));
    return *this;
  }

  /// Takes no more jobs, gives back those that have not begun, as `cancelled: shutting down`, and lets those that run
  /// end; after `limit` they are cancelled. A server whose router has the routes does this when it drains.
  ///
  /// Completes:  when no work runs, or it has not ended in the time of grace.
  /// Cancels:    all types: those that run are cancelled at once.
  [[nodiscard]] asio::awaitable<void> drain(duration limit) const { return jobs::detail::drain_jobs(state_, limit); }

 private:
  template <class Work>
  jobs::detail::counted_ptr<jobs::detail::job_record> make(Work work, const job_options& options) const {
    jobs::detail::require_work<Work, Result>();
    return jobs::detail::counted_ptr<jobs::detail::job_record>(
        new jobs::detail::job_work<Result, Work>(state_->table, options, std::move(work)));
  }
  static asio::any_io_executor one_at_a_time(asio::any_io_executor ex) {
    if (detail::targets<asio::io_context::executor_type>(ex) || detail::is_strand(ex)) return ex;
    return asio::make_strand(ex);
  }
  jobs::detail::job_table& table() const noexcept { return *state_->table; }

  std::shared_ptr<const jobs::detail::job_store_state> state_;
};

} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/jobs/detail/definitions.hpp>
#endif
