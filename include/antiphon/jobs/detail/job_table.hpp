// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/decl.hpp>
#include <antiphon/core/detail/parking.hpp>
#include <antiphon/core/detail/time_service.hpp>
#include <antiphon/core/notifier.hpp>
#include <antiphon/jobs/detail/job_record.hpp>
#include <antiphon/jobs/error.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// How many jobs of a store there are at the moment.
struct job_counts {
  std::size_t pending = 0;   ///< in line, or before their next attempt
  std::size_t running = 0;   ///< whose work runs, those included that have ended for their clients
  std::size_t over = 0;      ///< kept, with their results
  std::size_t abandoned = 0; ///< of those that run: they were cancelled, and have not ended in the time of grace
  std::size_t parked = 0;    ///< clients that wait by `Prefer: wait`
  std::uint64_t input = 0;   ///< bytes of input
};

namespace jobs {
namespace detail {

/// What is to be told or destroyed when the lock is given back: it may be the program's.
struct job_leftovers {
  std::vector<counted_ptr<job_record>> records, works, stops;
  ~job_leftovers() {
    for (const auto& r : stops) r->stopping->request_stop();
    for (const auto& r : works) r->drop_work();
  }
};

/// What happens to a job that fails with an exception, besides.
struct job_error_hook {
  virtual ~job_error_hook() = default;
  virtual void call(const job_status& of, std::exception_ptr e) = 0;
};

/// All jobs of a store: who waits, runs, is over; and the rules of passing from one to the other.
///
/// Thread safety: all members but those that say where they are called. One lock for all; no code of the program runs
/// under it.
class job_table final : public v0::detail::counted, public v0::detail::parking::item {
 public:
  job_table(asio::any_io_executor executor, const job_store_options& o);

  const job_store_options options;
  std::atomic<std::size_t> parked{0};

  /// Puts a new job in line. Where its key is known, that job is returned, or refused with key_reused.
  counted_ptr<job_record> add(counted_ptr<job_record> r, error_code& ec);
  counted_ptr<job_record> find(const job_id& id);
  /// What there is to say of a job; the text of an exception only for operators.
  job_status status(const job_record& r, bool with_what = false);
  /// The newest first, those with a number below `before`; `state`: only those.
  std::vector<counted_ptr<job_record>> list(std::optional<job_state> state, std::uint64_t before, std::size_t most);
  std::deque<job_status> failures();
  job_counts counts();

  /// Throws where a job that is over has no result.
  void throw_failure(const job_record& r);

  /// Asks for the end: of one that waits at once.
  void cancel(job_record& r, job_stop why);
  void report(job_record& r, job_event progress);
  std::stop_token stop_token(job_record& r);
  /// The log of a job, with its status as the first message.
  topic<job_event> events(job_record& r);
  /// Rung when the job changes: shared by some, so look.
  const notifier& bell(const job_record& r) const noexcept { return bells_[r.id.high % bells_.size()]; }
  /// Rung when no work runs but what was abandoned.
  const notifier& idle() const noexcept { return idle_; }
  bool at_rest();
  /// Nothing once the context has gone.
  asio::any_io_executor get_executor();

  /// Takes no more; gives back what has not begun.
  void begin_drain();
  bool draining() const noexcept { return draining_.load(std::memory_order_acquire); }
  void cancel_all(job_stop why);
  /// The last handle of the store has gone.
  void close() noexcept;

  std::shared_ptr<job_error_hook> on_error; ///< set before the first job

  // For records.
  /// Where it cannot go meanwhile: on the executor, and for what is due.
  const asio::any_io_executor& executor() const noexcept { return executor_; }
  time_point now() const noexcept { return time_.now(); }
  /// An attempt has ended. On the executor.
  void ended(job_record& r, std::exception_ptr e);
  void due(job_record& r);

 private:
  using lock_type = std::unique_lock<std::mutex>;

  ~job_table() override;
  void abandon() noexcept override;

  void pump();
  void end_attempt(job_record& r, std::exception_ptr e);
  void tell(job_record& r, std::exception_ptr e) noexcept;
  void end_all(bool context_goes) noexcept;

  // With the lock.
  void close(bool context_goes, job_leftovers& left) noexcept;
  void leave_context(asio::any_io_executor& executor) noexcept;
  error_code refusal(const job_record& r, job_leftovers& left);
  bool expired(const job_record& r) const noexcept;
  void sweep(job_leftovers& left);
  void forget(job_record& r, job_leftovers& left);
  void enqueue(job_record& r);
  void leave_line(job_record& r);
  void conclude(job_record& r, job_state how, const payload* result);
  void give_back(job_record& r, job_stop why, job_leftovers& left);
  void set_timer(job_record& r);
  void changed(job_record& r);
  void publish_state(job_record& r, const payload* result);
  void open_events(job_record& r, const payload* result);
  job_status status_of(const job_record& r) const;

  std::mutex mutex_;
  asio::any_io_executor executor_;
  v0::detail::time_service& time_;
  v0::detail::parking& parking_;
  std::unordered_map<job_id, counted_ptr<job_record>> jobs_;
  std::map<std::string, job_record*> keys_; // clients choose them: no hash table
  job_chain<&job_record::all> all_;
  std::map<std::int64_t, job_chain<&job_record::line>> lines_; // by the priority, negated
  job_chain<&job_record::line> over_;
  std::deque<job_status> failures_;
  std::array<notifier, 256> bells_;
  notifier idle_;
  std::size_t waiting_ = 0, running_ = 0, abandoned_ = 0, over_count_ = 0;
  std::uint64_t input_ = 0, last_number_ = 0;
  bool pumping_ = false;
  bool closed_ = false;
  bool in_context_ = false; ///< which then has a reference
  std::atomic<bool> draining_{false};
};

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
