// SPDX-License-Identifier: BSL-1.0
// job_table: how jobs end.
#pragma once

#include <antiphon/core/detail/backoff.hpp>
#include <antiphon/jobs/detail/job_table.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

inline std::unique_ptr<http::problem> problem_of(job_stop why) {
  switch (why) {
  case job_stop::none: break;
  case job_stop::asked:
    return std::make_unique<http::problem>(http::problem(http::status::conflict).title("Cancelled"));
  case job_stop::deadline:
    return std::make_unique<http::problem>(http::status::gateway_timeout, make_error_code(error::deadline).message());
  case job_stop::shutting_down:
    return std::make_unique<http::problem>(
        http::problem(http::status::service_unavailable, make_error_code(error::shutting_down).message())
            .title("Cancelled"));
  }
  return nullptr;
}

/// Of an exception: what its clients may know.
inline std::unique_ptr<http::problem> problem_of(const std::exception_ptr& e, bool& for_good) {
  try {
    std::rethrow_exception(e);
  } catch (const job_failure& f) {
    for_good = f.is_for_good();
    return std::make_unique<http::problem>(f.problem());
  } catch (...) {
    return std::make_unique<http::problem>(http::status::internal_server_error);
  }
}
inline std::string text_of(const std::exception_ptr& e) {
  if (!e) return {};
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}
inline job_state state_of(job_stop why) noexcept {
  return why == job_stop::deadline ? job_state::failed : job_state::cancelled;
}

ANTIPHON_DECL void job_table::ended(job_record& r, std::exception_ptr e) {
  end_attempt(r, std::move(e));
  pump();
}

ANTIPHON_DECL void job_table::end_attempt(job_record& r, std::exception_ptr e) {
  std::optional<payload> result;
  std::string what;
  std::exception_ptr before; // of another attempt
  asio::any_io_executor executor;
  bool over = true, told = false;
  for (;;) {
    if (e) what = text_of(e);
    lock_type lock(mutex_);
    if (r.events && !e && !result && !is_over(r.state)) { // its followers get the result
      lock.unlock();
      try {
        result = r.result();
      } catch (...) {
        e = std::current_exception();
      }
      continue;
    }
    r.at_work = false;
    --running_;
    if (closed_) {
      if (running_ == 0) leave_context(executor);
      break;
    }
    if (is_over(r.state)) {
      --abandoned_;
    } else if (!e) {
      r.error.reset();
      conclude(r, job_state::succeeded, result ? &*result : nullptr);
    } else if (r.stop != job_stop::none) {
      r.error = problem_of(r.stop);
      conclude(r, state_of(r.stop), nullptr);
    } else {
      bool for_good = false;
      before = std::exchange(r.failure, e);
      r.what = std::move(what);
      r.error = problem_of(e, for_good);
      told = true;
      if (for_good || r.attempt >= r.options.attempts) {
        conclude(r, job_state::failed, nullptr);
      } else if (draining_) {
        r.stop = job_stop::shutting_down;
        r.error = problem_of(r.stop);
        conclude(r, job_state::cancelled, nullptr);
      } else {
        over = false;
        ++waiting_;
        r.state = job_state::pending;
        r.wake_at =
            v0::detail::later(time_.now(), v0::detail::backoff(v0::detail::bounded(r.options.first_wait),
                                                               v0::detail::bounded(r.options.most_wait), r.attempt));
        set_timer(r);
        changed(r);
        publish_state(r, nullptr);
      }
    }
    if (running_ == abandoned_) idle_.notify_all();
    break;
  }
  if (over) r.drop_work();
  if (told) tell(r, std::move(e));
}

ANTIPHON_DECL void job_table::tell(job_record& r, std::exception_ptr e) noexcept {
  const auto s = status(r, true);
  auto what = s.what;
  try {
    if (on_error) return on_error->call(s, std::move(e));
  } catch (...) { // and the hook too
    what += "; and on_error: " + text_of(std::current_exception());
  }
  std::fprintf(stderr, "antiphon: attempt %u of job %s failed: %s\n", s.attempt, to_string(s.id).c_str(), what.c_str());
}

/// It has come to its end, for those who ask.
ANTIPHON_DECL void job_table::conclude(job_record& r, job_state how, const payload* result) {
  r.state = how;
  r.over_at = time_.now();
  r.deadline = r.wake_at = time_point::max();
  set_timer(r);
  input_ -= std::exchange(r.input, 0);
  over_.push_back(r);
  ++over_count_;
  if (how == job_state::failed && options.failures != 0) {
    if (failures_.size() >= options.failures) failures_.pop_front();
    failures_.push_back(status_of(r));
    failures_.back().what = r.what;
  }
  publish_state(r, result);
  if (r.events) r.events->close();
  changed(r);
}

/// Of one that has not begun, or not again.
ANTIPHON_DECL void job_table::give_back(job_record& r, job_stop why, job_leftovers& left) {
  leave_line(r);
  --waiting_;
  r.stop = why;
  r.error = problem_of(why);
  left.works.emplace_back(&r);
  conclude(r, state_of(why), nullptr);
}

ANTIPHON_DECL void job_table::cancel(job_record& r, job_stop why) {
  job_leftovers left;
  const lock_type lock(mutex_);
  if (is_over(r.state) || closed_) return;
  if (r.state == job_state::pending) return give_back(r, why, left);
  if (r.stop != job_stop::none) return;
  r.stop = why;
  r.wake_at = v0::detail::later(time_.now(), options.grace);
  r.deadline = time_point::max();
  set_timer(r);
  changed(r);
  publish_state(r, nullptr);
  asio::post(executor_, [self = counted_ptr<job_record>(&r)] { self->emit(); });
  if (r.stopping) left.stops.emplace_back(&r);
}

ANTIPHON_DECL std::stop_token job_table::stop_token(job_record& r) {
  const lock_type lock(mutex_);
  if (!r.stopping) {
    r.stopping = std::make_unique<std::stop_source>();
    if (r.stop != job_stop::none) r.stopping->request_stop();
  }
  return r.stopping->get_token();
}

ANTIPHON_DECL void job_table::begin_drain() {
  job_leftovers left;
  const lock_type lock(mutex_);
  draining_ = true;
  for (auto *r = all_.front(), *next = r; r; r = next) {
    next = r->all.next;
    if (r->state == job_state::pending) give_back(*r, job_stop::shutting_down, left);
  }
}

ANTIPHON_DECL void job_table::cancel_all(job_stop why) {
  std::vector<counted_ptr<job_record>> all;
  {
    const lock_type lock(mutex_);
    for (auto* r = all_.front(); r; r = r->all.next)
      if (!is_over(r->state)) all.emplace_back(r);
  }
  for (const auto& r : all) cancel(*r, why);
}

ANTIPHON_DECL void job_table::close() noexcept { end_all(false); }
ANTIPHON_DECL void job_table::abandon() noexcept {
  end_all(true);
  release();
}

ANTIPHON_DECL void job_table::end_all(bool context_goes) noexcept {
  const counted_ptr<job_table> keep(this);
  job_leftovers left;
  asio::any_io_executor executor;
  std::shared_ptr<job_error_hook> hook; // which may hold the store
  const lock_type lock(mutex_);
  close(context_goes, left);
  if (context_goes) {
    in_context_ = false;
    running_ = abandoned_ = 0; // what ran is destroyed with it
    executor.swap(executor_);
    hook.swap(on_error);
    idle_.notify_all();
  } else if (running_ == 0) {
    leave_context(executor);
  }
}

/// A strand may not outlive its context: it is the caller's then, to be destroyed without the lock.
ANTIPHON_DECL void job_table::leave_context(asio::any_io_executor& executor) noexcept {
  if (!std::exchange(in_context_, false)) return;
  executor.swap(executor_);
  if (parking_.remove(*this)) release(); // not the last one: the caller is called by one
}

/// Work that waits is destroyed; what runs is cancelled, or goes with its context.
ANTIPHON_DECL void job_table::close(bool context_goes, job_leftovers& left) noexcept {
  if (std::exchange(closed_, true)) return;
  draining_ = true;
  keys_.clear();
  lines_.clear();
  over_ = {};
  waiting_ = over_count_ = 0;
  input_ = 0;
  for (auto* r = all_.front(); r; r = r->all.next) {
    if (time_.remove(*r)) r->release();
    if (is_over(r->state)) continue;
    if (r->stop == job_stop::none) r->stop = job_stop::shutting_down;
    r->error = problem_of(r->stop);
    r->state = state_of(r->stop);
    publish_state(*r, nullptr);
    if (r->events) r->events->close();
    changed(*r);
    if (r->stopping) left.stops.emplace_back(r);
    if (!r->at_work) {
      left.works.emplace_back(r);
    } else if (!context_goes) {
      asio::post(executor_, [self = counted_ptr<job_record>(r)] { self->emit(); });
    }
  }
  all_ = {};
  for (auto& [id, r] : jobs_) left.records.push_back(std::move(r));
  jobs_.clear();
}

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
