// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/error.hpp>
#include <antiphon/core/payload.hpp>
#include <antiphon/core/shared_buffer.hpp>
#include <antiphon/jobs/detail/job_table.hpp>

#include <stop_token>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// What work sees of its job: where it reports, and hears that it is to end.
///
/// Thread safety: all members, from any thread. Lifetime: until the work has ended.
class job {
 public:
  explicit job(jobs::detail::job_record& of) noexcept : of_(of) {}
  job(const job&) = delete;
  job& operator=(const job&) = delete;

  const job_id& id() const noexcept { return of_.id; }
  /// 1 for the first one.
  unsigned attempt() const noexcept { return of_.attempt; }

  /// Tells those who ask and those who follow how far the work is: a number, a text, or what else has a to_payload().
  /// The last of them is part of the status, and as many as job_store_options::history are kept for who comes late.
  template <class T>
  void report(const T& progress) {
    static_assert(has_payload<T>, "antiphon: progress is sent as bytes: report a number or a text, or write "
                                  "`antiphon::payload to_payload(const T&)` beside its type");
    const payload p = to_payload(progress);
    of_.table->report(of_, {job_event::kind::progress, std::string(p.type()), shared_buffer(std::string(p.bytes()))});
  }

  /// Whether it is to end: it was cancelled, its deadline is over, or the program ends. A coroutine need not ask: it is
  /// cancelled where it waits.
  bool cancelled() const { return stop_token().stop_requested(); }
  /// Throws system_error(operation_aborted) where it is to end.
  void throw_if_cancelled() const {
    if (cancelled()) throw system_error(error_code(asio::error::operation_aborted), "a job");
  }
  /// For work that blocks.
  std::stop_token stop_token() const { return of_.table->stop_token(of_); }

  /// Where the work runs, if it is a coroutine.
  asio::any_io_executor get_executor() const { return of_.table->get_executor(); }

  // For offloaded().
  jobs::detail::counted_ptr<jobs::detail::job_record> keep() const noexcept {
    return jobs::detail::counted_ptr<jobs::detail::job_record>(&of_);
  }

 private:
  jobs::detail::job_record& of_;
};

} // namespace v0
} // namespace antiphon
