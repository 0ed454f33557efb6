// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/detail/siphash.hpp>
#include <antiphon/core/detail/time_service.hpp>
#include <antiphon/core/payload.hpp>
#include <antiphon/http/problem.hpp>
#include <antiphon/jobs/job_event.hpp>
#include <antiphon/jobs/job_id.hpp>
#include <antiphon/jobs/job_status.hpp>
#include <antiphon/jobs/options.hpp>
#include <antiphon/pubsub/topic.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {

namespace jobs {
namespace detail {

using v0::detail::counted_ptr;

class job_table;
class job_record;

/// Two pointers of a record, for each chain that it may stand in.
struct job_links {
  job_record* next = nullptr;
  job_record* prev = nullptr;
};

/// Records in an order, without owning them.
template <job_links job_record::*Links>
class job_chain {
 public:
  bool empty() const noexcept { return !first_; }
  job_record* front() const noexcept { return first_; }
  job_record* back() const noexcept { return last_; }
  inline void push_back(job_record& r) noexcept;
  inline void erase(job_record& r) noexcept;

 private:
  job_record* first_ = nullptr;
  job_record* last_ = nullptr;
};

/// Why a job that runs is to end.
enum class job_stop : unsigned char { none, asked, deadline, shutting_down };

/// One job, whatever its result and its work are. All that is not const or atomic is the table's, and under its lock.
class job_record : public v0::detail::counted, public v0::detail::timer_entry {
 public:
  job_record(counted_ptr<job_table> t, const job_options& o);
  ~job_record() override;

  /// Begins an attempt. On the executor.
  virtual void start() = 0;
  /// Cancels the attempt that runs. Likewise.
  virtual void emit() noexcept = 0;
  /// Destroys the work, which neither runs nor will.
  virtual void drop_work() noexcept = 0;
  /// Of one that has succeeded. The program's code: not under the lock.
  virtual payload result() const = 0;

  const counted_ptr<job_table> table;
  const job_id id = job_id::random();
  const job_options options;
  const std::chrono::system_clock::time_point created = std::chrono::system_clock::now();
  std::atomic<job_state> state{job_state::pending};
  std::atomic<std::uint32_t> version{1}; ///< counts changes

  job_stop stop = job_stop::none;
  bool at_work = false; ///< an attempt has begun and not ended, whatever the state says
  bool in_line = false; ///< waits for its turn
  unsigned attempt = 0;
  std::uint64_t number = 0; ///< in the order of acceptance, from 1
  std::uint64_t input = 0;  ///< bytes that it counts for
  time_point deadline = time_point::max();
  time_point wake_at = time_point::max(); ///< the next attempt, or the end of the grace
  time_point over_at{};
  job_links all, line;        ///< line: those in line, or those that are over
  std::exception_ptr failure; ///< of the last attempt that failed
  std::string what;           ///< its text
  std::unique_ptr<http::problem> error;
  std::optional<job_event> progress;
  std::unique_ptr<topic<job_event>> events;   ///< from the first report, or the first that follows
  std::unique_ptr<std::stop_source> stopping; ///< from the first that asks for it
  std::string key;                            ///< Idempotency-Key, with its scope
  v0::detail::wide payload_hash{};

 private:
  void on_due() noexcept override;
  void on_shutdown() noexcept override;
};

template <job_links job_record::*Links>
void job_chain<Links>::push_back(job_record& r) noexcept {
  (r.*Links) = {nullptr, last_};
  (last_ ? (last_->*Links).next : first_) = &r;
  last_ = &r;
}
template <job_links job_record::*Links>
void job_chain<Links>::erase(job_record& r) noexcept {
  const auto links = r.*Links;
  (links.prev ? (links.prev->*Links).next : first_) = links.next;
  (links.next ? (links.next->*Links).prev : last_) = links.prev;
  (r.*Links) = {};
}

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
