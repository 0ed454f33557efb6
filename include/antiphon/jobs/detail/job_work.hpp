// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/jobs/job.hpp>

#include <cassert>
#include <concepts>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

/// A job that may have a result of a type.
template <class Result>
class job_result : public job_record {
 public:
  using job_record::job_record;

  payload result() const override {
    if constexpr (std::is_void_v<Result>) {
      return payload::view_of("null", json_type);
    } else if constexpr (has_payload<Result>) {
      return to_payload(*value);
    } else {
      return payload::view_of("null", json_type); // for this program only
    }
  }

  bool result_may_throw() const noexcept override {
    if constexpr (!std::is_void_v<Result> && has_payload<Result>) {
      return !noexcept(to_payload(std::declval<const Result&>()));
    } else {
      return false;
    }
  }

  std::conditional_t<std::is_void_v<Result>, bool, std::optional<Result>> value{}; // set before it is over
};

/// What a coroutine function returns.
template <class F>
using awaited_by = std::invoke_result_t<F&, job&>;

template <class Work, class Result>
constexpr void require_work() {
  static_assert(std::invocable<Work&, job&>, "antiphon: the work of a job is called with (antiphon::job&): take it by "
                                             "reference");
  if constexpr (std::invocable<Work&, job&>) {
    static_assert(awaitable_value<awaited_by<Work>>,
                  "antiphon: the work of a job is a coroutine, `asio::awaitable<Result> f(antiphon::job&)`; a function "
                  "that blocks is given as antiphon::offloaded(pool, f)");
    if constexpr (awaitable_value<awaited_by<Work>>)
      static_assert(std::is_void_v<Result> ? std::same_as<awaited_by<Work>, asio::awaitable<void>>
                                           : std::convertible_to<typename awaited_by<Work>::value_type, Result>,
                    "antiphon: the work returns something else than the Result of its job_store<Result>");
  }
}

template <class Result, class Work>
class job_work final : public job_result<Result> {
 public:
  job_work(counted_ptr<job_table> t, const job_options& o, Work work)
      : job_result<Result>(std::move(t), o), work_(std::move(work)) {
    static_cast<void>(&job_work::run); // begins in the user's file: else g++ warns of types that are of no other
  }

  void start() override {
    asio::co_spawn(this->table->executor(), run(counted_ptr<job_work>(this)),
                   asio::bind_cancellation_slot(signal_.slot(), ended(counted_ptr<job_work>(this))));
    running_ = true; // it may have begun, but has not ended
  }
  void emit() noexcept override {
    if (running_) signal_.emit(asio::cancellation_type::terminal);
  }
  void drop_work() noexcept override { work_.reset(); }

 private:
  class ended {
   public:
    explicit ended(counted_ptr<job_work> of) noexcept : of_(std::move(of)) {}
    ended(ended&&) = default;
    /// Not called: the work has gone with the context that it waited on.
    ~ended() {
      if (of_ && of_->running_) lost(std::move(of_));
    }
    void operator()(std::exception_ptr e) {
      const auto of = std::move(of_);
      of->running_ = false;
      of->signal_.slot().clear();
      of->table->ended(*of, std::move(e));
    }

   private:
    counted_ptr<job_work> of_;
  };
  /// If that was not the store's, it has failed; else what it holds goes too, also where somebody has a handle.
  static void lost(counted_ptr<job_work> of) noexcept {
    struct report {
      counted_ptr<job_work> of;
      explicit report(counted_ptr<job_work> o) noexcept : of(std::move(o)) {}
      report(report&&) = default;
      ~report() {
        if (of) of->drop_work();
      }
      void operator()() {
        const error_code ec(asio::error::operation_aborted);
        ended(std::move(of))(std::make_exception_ptr(system_error(ec, "the context that the work waited on has gone")));
      }
    };
    report later(std::move(of));
    try {
      const auto executor = later.of->table->get_executor();
      if (executor) asio::post(executor, std::move(later));
    } catch (...) { // no memory for it
    }
  }

  /// It has no result of its own: Asio would make one of nothing beside an exception.
  asio::awaitable<void> run(counted_ptr<job_work> self) {
    if constexpr (std::is_void_v<Result>) {
      co_await (*work_)(self->view_);
    } else {
      Result made = co_await (*work_)(self->view_);
      self->value.emplace(std::move(made));
    }
  }

  job view_{*this};
  bool running_ = false; // on the executor
  asio::cancellation_signal signal_;
  std::optional<Work> work_;
};

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
