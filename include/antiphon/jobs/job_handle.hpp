// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/jobs/detail/job_store_state.hpp>
#include <antiphon/jobs/detail/job_work.hpp>
#include <antiphon/jobs/job_event.hpp>
#include <antiphon/jobs/job_status.hpp>
#include <antiphon/pubsub/topic.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// One job, in this program. It keeps the job's result, also when the store has forgotten it, and the store.
///
/// A handle: a copy is the same job. Thread safety: all members.
template <class Result>
class job_handle {
 public:
  // For stores.
  job_handle(std::shared_ptr<const jobs::detail::job_store_state> store,
             jobs::detail::counted_ptr<jobs::detail::job_record> of)
      : store_(std::move(store)), of_(std::move(of)) {}

  const job_id& id() const noexcept { return of_->id; }
  job_state state() const noexcept { return of_->state.load(std::memory_order_acquire); }
  job_status status() const { return of_->table->status(*of_, true); }
  /// Asks for the end. A job that waits has ended then; one that runs when its work has.
  void cancel() const { of_->table->cancel(*of_, jobs::detail::job_stop::asked); }
  /// What is reported and how the state changes, as a log: the last message is the final status, then it is closed. Ask
  /// for it before what it is to have: it begins with the first report, or with the first who asks.
  topic<job_event> events() const { return of_->table->events(*of_); }

  /// Waits for the end, and gives the result: a copy.
  ///
  /// Completes:  on the executor of the awaiting coroutine.
  /// Errors:     what the work threw last; system_error(jobs::error) where the job was cancelled or its time was over;
  ///             operation_aborted when the waiting was cancelled.
  /// Cancels:    all types: the waiting, not the job.
  [[nodiscard]] asio::awaitable<Result> result() const {
    static_assert(std::is_void_v<Result> || std::copy_constructible<Result>,
                  "antiphon: result() gives a copy of the result, which can be moved only: let the work return a "
                  "std::shared_ptr of it");
    return wait(store_, of_);
  }

 private:
  static asio::awaitable<Result> wait(std::shared_ptr<const jobs::detail::job_store_state>,
                                      jobs::detail::counted_ptr<jobs::detail::job_record> of) {
    const notifier bell = of->table->bell(*of);
    for (auto seen = bell.count(); !is_over(of->state.load(std::memory_order_acquire)); seen = bell.count())
      co_await bell.async_wait(seen, asio::use_awaitable);
    of->table->throw_failure(*of);
    if constexpr (!std::is_void_v<Result>) co_return *static_cast<jobs::detail::job_result<Result>&>(*of).value;
  }

  std::shared_ptr<const jobs::detail::job_store_state> store_;
  jobs::detail::counted_ptr<jobs::detail::job_record> of_;
};

} // namespace v0
} // namespace antiphon
