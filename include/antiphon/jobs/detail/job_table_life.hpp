// SPDX-License-Identifier: BSL-1.0
// job_table: taking jobs, giving them their turn, telling of them.
#pragma once

#include <antiphon/jobs/detail/job_table.hpp>
#include <antiphon/jobs/detail/job_table_end.hpp>
#include <antiphon/jobs/detail/status_json.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

ANTIPHON_DECL job_record::job_record(counted_ptr<job_table> t, const job_options& o)
    : table(std::move(t)), options(o), input(o.input) {}
ANTIPHON_DECL job_record::~job_record() = default;

ANTIPHON_DECL void job_record::on_due() noexcept {
  asio::post(table->executor(), [self = counted_ptr<job_record>(this)] { self->table->due(*self); });
  release();
}
ANTIPHON_DECL void job_record::on_shutdown() noexcept { release(); }

ANTIPHON_DECL job_table::job_table(asio::any_io_executor ex, const job_store_options& o)
    : options(o), executor_(std::move(ex)), time_(v0::detail::time_of(executor_)),
      parking_(v0::detail::parking_of(executor_)) {
  in_context_ = parking_.add(*this);
  if (in_context_) {
    retain();
  } else {
    closed_ = true, draining_ = true;
  }
}
ANTIPHON_DECL job_table::~job_table() = default;

ANTIPHON_DECL counted_ptr<job_record> job_table::add(counted_ptr<job_record> r, error_code& ec) {
  job_leftovers left;
  const lock_type lock(mutex_);
  sweep(left);
  ec = {};
  if (!r->key.empty())
    if (const auto known = keys_.find(r->key); known != keys_.end()) {
      if (known->second->payload_hash == r->payload_hash) return counted_ptr<job_record>(known->second);
      ec = error::key_reused;
      return {};
    }
  ec = refusal(*r, left);
  if (ec) return {};
  jobs_.emplace(r->id, r);
  if (!r->key.empty()) {
    try {
      keys_.emplace(r->key, r.get());
    } catch (...) {
      jobs_.erase(r->id);
      throw;
    }
  }
  all_.push_back(*r);
  r->number = ++last_number_;
  input_ += r->input;
  ++waiting_;
  if (r->options.deadline > duration::zero()) r->deadline = v0::detail::later(time_.now(), r->options.deadline);
  set_timer(*r);
  enqueue(*r);
  return r;
}

ANTIPHON_DECL error_code job_table::refusal(const job_record& r, job_leftovers& left) {
  if (draining_) return error::shutting_down;
  if (r.input > options.max_input || input_ > options.max_input - r.input) return error::too_much_input;
  if (jobs_.size() < options.max_jobs) return {};
  if (!options.forget_ended || over_.empty()) return error::full;
  forget(*over_.front(), left);
  return {};
}

ANTIPHON_DECL counted_ptr<job_record> job_table::find(const job_id& id) {
  job_leftovers left;
  const lock_type lock(mutex_);
  sweep(left);
  const auto found = jobs_.find(id);
  return found == jobs_.end() || expired(*found->second) ? counted_ptr<job_record>() : found->second;
}

ANTIPHON_DECL bool job_table::expired(const job_record& r) const noexcept {
  return is_over(r.state) && time_.now() - r.over_at >= options.keep_for;
}

/// Some at a time: a crowd of jobs that ended together does not hold up the next request.
ANTIPHON_DECL void job_table::sweep(job_leftovers& left) {
  for (int n = 0; n < 64 && !over_.empty() && expired(*over_.front()); ++n) forget(*over_.front(), left);
}

ANTIPHON_DECL void job_table::forget(job_record& r, job_leftovers& left) {
  const auto at = jobs_.find(r.id);
  left.records.push_back(std::move(at->second));
  jobs_.erase(at);
  if (!r.key.empty()) keys_.erase(r.key);
  all_.erase(r);
  over_.erase(r);
  --over_count_;
}

ANTIPHON_DECL job_status job_table::status(const job_record& r, bool with_what) {
  const lock_type lock(mutex_);
  auto s = status_of(r);
  if (with_what) s.what = r.what;
  return s;
}
ANTIPHON_DECL job_status job_table::status_of(const job_record& r) const {
  job_status s;
  s.id = r.id;
  s.state = r.state;
  s.cancelling = r.stop != job_stop::none && !is_over(s.state);
  s.attempt = r.attempt;
  s.created = r.created;
  s.progress = r.progress;
  if (r.error && is_over(s.state)) s.error = *r.error;
  return s;
}

ANTIPHON_DECL void job_table::throw_failure(const job_record& r) {
  std::exception_ptr e;
  error ec;
  {
    const lock_type lock(mutex_);
    if (r.state == job_state::succeeded) return;
    if (r.state == job_state::failed && r.stop == job_stop::none) e = r.failure;
    ec = r.stop == job_stop::deadline ? error::deadline
         : r.stop == job_stop::asked  ? error::cancelled
                                      : error::shutting_down;
  }
  if (e) std::rethrow_exception(e);
  throw system_error(make_error_code(ec), "a job");
}

ANTIPHON_DECL std::vector<counted_ptr<job_record>> job_table::list(std::optional<job_state> state, std::uint64_t before,
                                                                   std::size_t most) {
  std::vector<counted_ptr<job_record>> found;
  const lock_type lock(mutex_);
  for (auto* r = all_.back(); r && found.size() < most; r = r->all.prev)
    if (r->number < before && (!state || r->state == *state) && !expired(*r)) found.emplace_back(r);
  return found;
}
ANTIPHON_DECL std::deque<job_status> job_table::failures() {
  const lock_type lock(mutex_);
  return failures_;
}
ANTIPHON_DECL job_counts job_table::counts() {
  const lock_type lock(mutex_);
  return {waiting_, running_, over_count_, abandoned_, parked.load(std::memory_order_relaxed), input_};
}
ANTIPHON_DECL bool job_table::at_rest() {
  const lock_type lock(mutex_);
  return running_ == abandoned_;
}
ANTIPHON_DECL asio::any_io_executor job_table::get_executor() {
  const lock_type lock(mutex_);
  return executor_;
}

ANTIPHON_DECL void job_table::enqueue(job_record& r) {
  lines_[-std::int64_t{r.options.priority}].push_back(r);
  r.in_line = true;
  if (std::exchange(pumping_, true)) return;
  asio::post(executor_, [self = counted_ptr<job_table>(this)] {
    {
      const lock_type lock(self->mutex_);
      self->pumping_ = false;
    }
    self->pump();
  });
}
ANTIPHON_DECL void job_table::leave_line(job_record& r) {
  if (!std::exchange(r.in_line, false)) return;
  const auto line = lines_.find(-std::int64_t{r.options.priority});
  line->second.erase(r);
  if (line->second.empty() && line->first != 0) lines_.erase(line); // the usual one stays
}

/// Begins what may run.
ANTIPHON_DECL void job_table::pump() {
  while (true) {
    counted_ptr<job_record> next;
    {
      const lock_type lock(mutex_);
      if (running_ >= options.max_running) return;
      for (auto& [priority, line] : lines_)
        if (!line.empty()) {
          next = counted_ptr<job_record>(line.front());
          break;
        }
      if (!next) return;
      leave_line(*next);
      --waiting_;
      ++running_;
      ++next->attempt;
      next->at_work = true;
      next->state = job_state::running;
      changed(*next);
      publish_state(*next, nullptr);
    }
    try {
      next->start();
    } catch (...) {
      end_attempt(*next, std::current_exception());
    }
  }
}

ANTIPHON_DECL void job_table::set_timer(job_record& r) {
  if (time_.remove(r)) r.release();
  const auto at = (std::min)(r.deadline, r.wake_at);
  if (at == time_point::max()) return;
  r.retain(); // the time service's
  if (!time_.add(r, at)) r.release();
}

ANTIPHON_DECL void job_table::due(job_record& r) {
  job_leftovers left;
  lock_type lock(mutex_);
  if (is_over(r.state) || closed_) return;
  const auto now = time_.now();
  if (now >= r.deadline) {
    r.deadline = time_point::max();
    lock.unlock();
    return cancel(r, job_stop::deadline);
  }
  if (now >= r.wake_at) {
    r.wake_at = time_point::max();
    if (r.at_work) { // and does not hear
      ++abandoned_;
      r.error = problem_of(r.stop);
      conclude(r, state_of(r.stop), nullptr);
      if (running_ == abandoned_) idle_.notify_all();
      return;
    }
    enqueue(r);
  }
  set_timer(r);
}

ANTIPHON_DECL void job_table::changed(job_record& r) {
  r.version.fetch_add(1, std::memory_order_release);
  bell(r).notify_all();
}

ANTIPHON_DECL void job_table::publish_state(job_record& r, const payload* result) {
  if (!r.events) return;
  job_event e{job_event::kind::state, "application/json", shared_buffer(status_json(status_of(r), result))};
  r.events->publish(std::move(e));
}

ANTIPHON_DECL void job_table::open_events(job_record& r, const payload* result) {
  topic_options o;
  o.history = options.history + 1;
  o.history_bytes = options.history_bytes;
  r.events = std::make_unique<topic<job_event>>(o);
  publish_state(r, result);
}

ANTIPHON_DECL void job_table::report(job_record& r, job_event progress) {
  const lock_type lock(mutex_);
  if (is_over(r.state) || closed_) return;
  if (!r.events) open_events(r, nullptr);
  r.progress = progress;
  r.events->publish(std::move(progress));
  changed(r);
}

ANTIPHON_DECL topic<job_event> job_table::events(job_record& r) {
  std::optional<payload> result;
  for (;;) {
    lock_type lock(mutex_);
    if (r.events) return *r.events;
    if (r.state == job_state::succeeded && !result) {
      lock.unlock();
      result = r.result();
      continue;
    }
    open_events(r, result ? &*result : nullptr);
    if (is_over(r.state)) r.events->close();
    return *r.events;
  }
}

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
