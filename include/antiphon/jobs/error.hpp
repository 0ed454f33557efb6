// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <string>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace jobs {

/// Why a job was not taken, or has no result.
enum class error {
  full = 1,       ///< the store has as many jobs as it may
  too_much_input, ///< the inputs of its jobs have as many bytes as they may
  shutting_down,  ///< the store takes no more jobs, or gave this one back
  key_reused,     ///< the Idempotency-Key was used before, with another payload
  bad_key,        ///< the Idempotency-Key is none
  cancelled,      ///< somebody has asked for the end of the job
  deadline,       ///< the time of the job was over before it ended
  failed,         ///< the job failed: the problem says why
  no_such_job,    ///< the server does not know the job, or no more
  bad_answer,     ///< the answer is none of a job
  bad_result,     ///< the result is none of the type that was asked for
  lost,           ///< the server could not be reached, await_options::attempts times in a row
};

namespace detail {

class error_category_of_jobs final : public asio::error_category {
 public:
  const char* name() const noexcept override { return "antiphon.jobs"; }
  std::string message(int value) const override {
    switch (static_cast<error>(value)) {
    case error::full: return "there are as many jobs as there may be: come back later";
    case error::too_much_input: return "the jobs that wait hold as much input as they may: come back later";
    case error::shutting_down: return "cancelled: shutting down";
    case error::key_reused: return "this Idempotency-Key came before with another payload: make a new key";
    case error::bad_key: return "an Idempotency-Key is one text of 1 to 255 visible characters";
    case error::cancelled: return "cancelled";
    case error::deadline: return "the job did not end before its deadline";
    case error::failed: return "the job failed: its problem says why";
    case error::no_such_job: return "there is no such job: it was never accepted, or ended too long ago";
    case error::bad_answer: return "the answer is not the status of a job: is it the right URL?";
    case error::bad_result: return "the result of the job is not of the type that was asked for";
    case error::lost: return "the server of the job cannot be reached";
    }
    return "unknown error of antiphon's jobs";
  }
};

} // namespace detail

inline const asio::error_category& error_category() noexcept {
  static const detail::error_category_of_jobs category;
  return category;
}

inline error_code make_error_code(error e) noexcept { return error_code(static_cast<int>(e), error_category()); }

} // namespace jobs
} // namespace v0
} // namespace antiphon

template <>
struct std::is_error_code_enum<antiphon::jobs::error> : std::true_type {};
