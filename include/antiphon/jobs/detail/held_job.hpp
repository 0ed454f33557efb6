// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/flow.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/jobs/detail/job_answer.hpp>
#include <antiphon/jobs/detail/job_table.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

/// A client that waits for the end of a job, or for its next change: `Prefer: wait`.
class held_job final : public http::flow {
 public:
  /// `seen`: the version that the client has; zero: it waits for the end.
  held_job(counted_ptr<job_record> of, job_answer how, std::uint32_t seen, std::uint32_t seconds)
      : of_(std::move(of)), how_(std::move(how)), seen_(seen), seconds_(seconds) {}
  ~held_job() override {
    leave();
    if (parked_) of_->table->parked.fetch_sub(1, std::memory_order_relaxed);
  }

  step run(http::exchange& to, event what) override {
    // Where the store drains with the server, the end of the job is near.
    if (what == event::timer || (to.draining() && !of_->table->draining())) return answer(to);
    const auto& bell = of_->table->bell(*of_);
    leave(); // the drain comes while it waits
    while (true) {
      const auto rung = bell.count();
      if (settled()) return answer(to);
      if (!park(to)) return refuse(to);
      if (bell.join(to.executor(), *this, rung)) return step::wait;
    }
  }

 private:
  bool settled() const noexcept {
    if (is_over(of_->state.load(std::memory_order_acquire))) return true;
    return seen_ != 0 && of_->version.load(std::memory_order_acquire) != seen_;
  }
  step answer(http::exchange& to) {
    to.reply(how_.make(*of_, seen_, seconds_));
    return step::end;
  }
  /// Too many wait. A job that was taken is told of all the same: who is refused would send it again.
  step refuse(http::exchange& to) {
    to.reply(how_.submitted ? how_.make(*of_, 0, 0) : come_back_later("too many clients wait for jobs"));
    return step::end;
  }
  bool park(http::exchange& to) {
    if (parked_) return true;
    auto& parked = of_->table->parked;
    if (parked.fetch_add(1, std::memory_order_relaxed) >= of_->table->options.parked) {
      parked.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    parked_ = true;
    to.timer(std::chrono::seconds(seconds_));
    return true;
  }

  const counted_ptr<job_record> of_;
  const job_answer how_;
  const std::uint32_t seen_, seconds_;
  bool parked_ = false;
};

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
