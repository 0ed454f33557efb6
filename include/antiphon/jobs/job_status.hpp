// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/problem.hpp>
#include <antiphon/jobs/job_event.hpp>
#include <antiphon/jobs/job_id.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {

enum class job_state : unsigned char {
  pending, ///< it waits for its turn, or for its next attempt
  running,
  succeeded, ///< it has a result
  failed,    ///< for good; it has a problem
  cancelled, ///< before it had a result; likewise
};

constexpr bool is_over(job_state s) noexcept { return s >= job_state::succeeded; }

constexpr std::string_view to_string(job_state s) noexcept {
  switch (s) {
  case job_state::pending: return "pending";
  case job_state::running: return "running";
  case job_state::succeeded: return "succeeded";
  case job_state::failed: return "failed";
  case job_state::cancelled: return "cancelled";
  }
  return {};
}
constexpr std::optional<job_state> parse_job_state(std::string_view text) noexcept {
  for (auto s : {job_state::pending, job_state::running, job_state::succeeded, job_state::failed, job_state::cancelled})
    if (text == to_string(s)) return s;
  return std::nullopt;
}

/// What a job has come to.
struct job_status {
  job_id id;
  job_state state = job_state::pending;
  bool cancelling = false; ///< it runs, and was asked to end
  unsigned attempt = 0;    ///< how often it was begun
  std::chrono::system_clock::time_point created{};
  std::optional<job_event> progress;  ///< what was reported last
  std::optional<http::problem> error; ///< of one that failed or was cancelled
  std::string what;                   ///< of the exception that it failed with last: for operators, not for clients
};

/// What work throws to say to its clients why it failed; any other exception tells them nothing but 500.
///
///     throw ap::job_failure(ap::problem(ap::status::unprocessable_content).detail("this is no picture"));
class job_failure : public std::runtime_error {
 public:
  explicit job_failure(http::problem p) : std::runtime_error(p.to_json()), problem_(std::move(p)) {}
  /// There is no use in another attempt.
  job_failure&& for_good() && {
    for_good_ = true;
    return std::move(*this);
  }

  const http::problem& problem() const noexcept { return problem_; }
  bool is_for_good() const noexcept { return for_good_; }

 private:
  http::problem problem_;
  bool for_good_ = false;
};

} // namespace v0
} // namespace antiphon
