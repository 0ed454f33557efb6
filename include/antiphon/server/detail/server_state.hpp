// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/detail/slot_memory.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/date.hpp>
#include <antiphon/server/detail/work.hpp>
#include <antiphon/server/options.hpp>
#include <antiphon/server/router.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A mutex where several threads may come, nothing where one executor is all there is.
class optional_mutex {
 public:
  explicit optional_mutex(bool on) noexcept : on_(on) {}
  void lock() {
    if (on_) mutex_.lock();
  }
  void unlock() {
    if (on_) mutex_.unlock();
  }

 private:
  bool on_;
  std::mutex mutex_;
};

/// What the limits of serve_options count. The servers of one run() share it, so that a limit is of all of them.
struct server_totals {
  std::atomic<std::size_t> open{0};     ///< connections
  std::atomic<std::uint64_t> bodies{0}; ///< bytes of collected bodies
  std::mutex mutex;
  std::map<std::string, std::size_t> addresses; ///< connections of each, only where these are limited
};

/// What the connections of one async_serve share: options, routes, pools, the prepared heads.
class server_state : public counted {
 public:
  server_state(asio::any_io_executor ex, bool one_executor, const router& r, const serve_options& o,
               std::shared_ptr<server_totals> all)
      : executor(std::move(ex)), serial(one_executor), options(o), routes(r), time(time_of(executor)),
        counts(r.counts()), totals(std::move(all)), mutex_(!one_executor) {
    restamp(time.now());
  }

  const asio::any_io_executor executor;
  const bool serial; ///< all connections run on `executor`, one at a time
  const serve_options options;
  const router::frozen routes;
  time_service& time;
  connection_counts& counts;
  const std::shared_ptr<server_totals> totals;
  std::atomic<bool> draining{false};

  // Pools: last in, first out, so that what is used is warm.
  ANTIPHON_FORCE_INLINE std::unique_ptr<work> take_work() {
    return hot_work_ ? std::move(hot_work_) : take_cold_work();
  }
  ANTIPHON_FORCE_INLINE void give_back(std::unique_ptr<work>&& w) noexcept {
    w->rest();
    if (serial && !hot_work_) [[likely]] {
      hot_work_.swap(w); // an assignment would look for one to delete
      return;
    }
    pool(std::move(w));
  }
  std::unique_ptr<scratch> take_scratch() {
    if (hot_scratch_) return std::move(hot_scratch_);
    {
      const std::lock_guard lock(mutex_);
      if (!scratches_.empty()) {
        auto taken = std::move(scratches_.back());
        scratches_.pop_back();
        return taken;
      }
    }
    return std::unique_ptr<scratch>(new scratch); // not value-initialised: never filled with zeros
  }
  void give_back(std::unique_ptr<scratch>&& s) noexcept {
    if (serial && !hot_scratch_) {
      hot_scratch_.swap(s);
      return;
    }
    const std::lock_guard lock(mutex_);
    if (scratches_.size() < most_pooled) scratches_.push_back(std::move(s));
  }

  /// Status line, Server and Date, prepared once a second. `to` has room for status_room() bytes.
  ANTIPHON_FORCE_INLINE char* put_status(char* to, http::status code, time_point now) {
    const std::lock_guard lock(mutex_);
    if (now - stamped_ >= std::chrono::seconds(1)) [[unlikely]]
      restamp(now);
    if (code == http::status::ok) return put(to, ok_);
    to = put(to, "HTTP/1.1 ");
    to = put_number(to, static_cast<std::uint64_t>(http::code(code)));
    *to++ = ' ';
    to = put(to, http::reason(code));
    to = put(to, "\r\n");
    return put(to, stamp_);
  }
  std::size_t status_room() const noexcept { return 128 + options.server_name.size() + http::date_text::size; }

  // Connections.
  void add(connection& c);
  void remove(connection& c) noexcept;
  std::size_t open() const noexcept { return open_.load(std::memory_order_relaxed); }
  /// Calls f on each connection, on this executor. Those of other executors are reached by posting.
  template <class F>
  void each(F f);

  // "Look once more before waiting": a session with nothing left to do joins a list, and one pass a turn of the loop
  // tries each with one read. A counter switches this off where it does not pay: with distant clients, say.
  bool worth_looking() noexcept {
    if (!serial) return false;
    if (hits_ > 0) return true;
    return ++probe_ % 64 == 0;
  }
  void looked(bool hit) noexcept { hits_ = hit ? (hits_ < 63 ? hits_ + 2 : 64) : (hits_ > 0 ? hits_ - 1 : 0); }
  void look_later(connection& c);

  // The budget for collected bodies.
  bool reserve(std::uint64_t bytes) noexcept {
    if (totals->bodies.fetch_add(bytes, std::memory_order_relaxed) + bytes <= options.max_bodies) return true;
    unreserve(bytes);
    return false;
  }
  void unreserve(std::uint64_t bytes) noexcept { totals->bodies.fetch_sub(bytes, std::memory_order_relaxed); }

  /// Counts the connections of its address. False: there are enough.
  bool admit(const connection& c);
  /// The client that a PROXY header has named, or an empty text.
  void proxied(const connection& c, std::string peer);
  std::string proxied(const connection& c);

 protected:
  /// The context goes: lets go of all connections.
  void abandon_connections() noexcept;
  ~server_state() override = default;
  /// The list of connections has become empty.
  virtual void last_gone() noexcept {}

 private:
  static constexpr std::size_t most_pooled = 64;

  std::unique_ptr<work> take_cold_work() {
    {
      const std::lock_guard lock(mutex_);
      if (!works_.empty()) {
        auto taken = std::move(works_.back());
        works_.pop_back();
        return taken;
      }
    }
    return std::make_unique<work>(options);
  }
  void pool(std::unique_ptr<work> w) noexcept {
    const std::lock_guard lock(mutex_);
    if (works_.size() < most_pooled) works_.push_back(std::move(w));
  }

  /// The pass that is posted, with memory of its own: Asio's cache of recycled blocks misses now and then.
  struct look_turn {
    counted_ptr<server_state> self;
    using memory = slot_memory<256>;
    using allocator_type = slot_allocator<void, memory>;
    allocator_type get_allocator() const noexcept { return allocator_type(self->look_memory_); }
    void operator()() const { self->look_pass(); }
  };
  void look_pass();
  /// What is known of a few connections only: no room for it in each.
  struct known {
    bool counted = false;
    std::string address; ///< under which it is counted
    std::string peer;    ///< of its PROXY header
  };
  void dismiss(const connection& c) noexcept;

  void restamp(time_point now) {
    stamped_ = now;
    stamp_.clear();
    if (!options.server_name.empty()) stamp_.append("Server: ").append(options.server_name).append("\r\n");
    stamp_.append("Date: ").append(http::date_text(std::chrono::system_clock::now()).view()).append("\r\n");
    ok_.assign("HTTP/1.1 200 OK\r\n").append(stamp_);
  }

  optional_mutex mutex_;
  connection* first_ = nullptr;
  std::atomic<std::size_t> open_{0};
  int hits_ = 0;
  unsigned probe_ = 0;
  bool look_posted_ = false;
  look_turn::memory look_memory_;
  std::vector<connection*> lookers_, batch_; // each holds a reference
  std::unique_ptr<work> hot_work_;           // the one that is nearly always enough, where there is one executor
  std::unique_ptr<scratch> hot_scratch_;
  std::vector<std::unique_ptr<work>> works_;
  std::vector<std::unique_ptr<scratch>> scratches_;
  time_point stamped_{};
  std::string stamp_, ok_;
  std::map<const connection*, known> known_; // only where connections of one address are limited, or named by a proxy
};

} // namespace detail
} // namespace v0
} // namespace antiphon
