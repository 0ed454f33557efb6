// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/detail/timer_heap.hpp>
#include <antiphon/core/detail/wheel.hpp>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// The clock of all of the library's waiting, and its types.
using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using duration = clock::duration;

namespace detail {

/// `from + by`, which stays at the end of time instead of wrapping.
constexpr time_point later(time_point from, duration by) noexcept {
  return by > duration::zero() && from > time_point::max() - by ? time_point::max() : from + by;
}

class time_service;

/// A sleep while it lasts; it belongs to the time service.
class sleep_base : public parked_base, public timer_entry {
 public:
  explicit sleep_base(time_service& time) noexcept : time_(time) {}
  std::tuple<error_code> result() const { return {ec_}; }
  inline void cancel() noexcept;

 protected:
  ~sleep_base() = default;

 private:
  friend class time_service;
  inline void on_due() noexcept final;
  void on_shutdown() noexcept final { destroy(); }

  time_service& time_;
  sleep_base* next_ = nullptr;
  error_code ec_;
};

/// The time of an execution context: one coarse wheel for limits, one exact list for the rest, one asio timer for
/// both, armed for what comes first and for nothing when there is nothing. A test puts it in manual mode.
///
/// Thread safety: all members. Lifetime: the context's. Get it from time_of().
class time_service final : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;

  explicit time_service(asio::execution_context& context) : service(context), wheel_(clock::now()) {}

  time_point now() const noexcept {
    const auto manual = manual_.load(std::memory_order_acquire);
    return manual == real ? clock::now() : time_point(duration(manual));
  }

  /// Links an entry that is not linked. `time_point::max()` is no deadline yet.
  void link(wheel_entry& e, time_point deadline) noexcept { set(e, deadline); }
  /// Moves the deadline; links an entry that is not linked, such as one whose on_deadline was called. Without a lock
  /// where the deadline moves on, which is what it does in a connection that is alive.
  void set(wheel_entry& e, time_point deadline) noexcept {
    if (!wheel_.store(e, deadline)) return;
    const std::lock_guard lock(mutex_);
    wheel_.place(e, now());
    arm();
  }
  /// The deadline, rounded up to a tick of 100 ms.
  time_point deadline(const wheel_entry& e) const noexcept { return wheel_.deadline(e); }
  /// When it returns, on_deadline is not running and will not be called. Harmless for an entry that is not linked.
  void unlink(wheel_entry& e) noexcept {
    const std::lock_guard lock(mutex_);
    wheel_.remove(e);
    disarm_if_idle();
  }

  /// Adds an entry to the exact list. False: the context goes, and the entry was not added.
  bool add(timer_entry& e, time_point due) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    timers_.add(e, due);
    arm();
    return true;
  }
  /// False: it is due already, or was not there. When it returns, on_due is not running and will not be called.
  bool remove(timer_entry& e) noexcept {
    const std::lock_guard lock(mutex_);
    const bool there = timers_.remove(e);
    if (there) disarm_if_idle();
    return there;
  }

  /// From now on time stands still, until advance_to().
  void manual() noexcept {
    const std::lock_guard lock(mutex_);
    if (manual_.load(std::memory_order_relaxed) != real) return;
    disarm();
    manual_.store(clock::now().time_since_epoch().count(), std::memory_order_release);
  }
  /// When the next entry is due; the end of time when there is none.
  time_point next() const noexcept {
    const std::lock_guard lock(mutex_);
    return first();
  }
  /// Manual mode: it is `to` now (never earlier than before), and all that is due is called.
  void advance_to(time_point to) noexcept {
    std::unique_lock lock(mutex_);
    assert(manual_.load(std::memory_order_relaxed) != real && "advance_to() is for manual mode");
    if (to > now()) manual_.store(to.time_since_epoch().count(), std::memory_order_release);
    pass(lock);
  }

  /// A service cannot get an executor from its context: the first caller brings the one that the timer runs on.
  template <class Executor>
  void attach(const Executor& executor) {
    if (attached_.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(mutex_);
    if (closed_ || timer_) return;
    timer_.emplace(executor);
    attached_.store(true, std::memory_order_release);
  }

 private:
  friend class sleep_base;
  static constexpr duration::rep real = duration::min().count();

  time_point first() const noexcept { return std::min(wheel_.next(), timers_.next()); }

  // The members below want the lock.

  void arm() noexcept {
    const time_point at = first();
    if (at >= armed_ || !timer_ || manual_.load(std::memory_order_relaxed) != real) return;
    armed_ = at;
    timer_->expires_at(at);
    // The system executor, so that this runs on whatever thread of the context finds it, even if the executor that
    // was brought is a strand that is busy.
    timer_->async_wait(asio::bind_executor(asio::system_executor(), [this, turn = ++turn_](error_code) {
      std::unique_lock lock(mutex_);
      if (turn != turn_) return; // armed anew or disarmed meanwhile
      armed_ = time_point::max();
      pass(lock);
    }));
  }
  void disarm() noexcept {
    if (armed_ == time_point::max()) return;
    armed_ = time_point::max();
    ++turn_;
    timer_->cancel();
  }
  // A timer that waits for nothing would keep run() from returning.
  void disarm_if_idle() noexcept {
    if (armed_ != time_point::max() && wheel_.empty() && timers_.empty()) disarm();
  }

  void pass(std::unique_lock<std::mutex>& lock) noexcept {
    const time_point present = now();
    wheel_.turn(present);
    while (timers_.next() <= present) timers_.pop()->on_due();
    arm();
    // Handlers are moved and posted without the lock: that is foreign code.
    sleep_base* over = std::exchange(over_, nullptr);
    over_end_ = &over_;
    lock.unlock();
    while (over) std::exchange(over, over->next_)->post();
  }

  void shutdown() override {
    std::optional<asio::steady_timer> timer;
    std::unique_lock lock(mutex_);
    closed_ = true;
    armed_ = time_point::max();
    ++turn_;
    timer.swap(timer_);
    // Destroying a frame may destroy others that sleep.
    while (timer_entry* e = timers_.pop()) {
      lock.unlock();
      e->on_shutdown();
      lock.lock();
    }
    lock.unlock();
  }

  mutable std::mutex mutex_;
  wheel wheel_;
  timer_heap timers_;
  sleep_base* over_ = nullptr; // sleeps that are over, in order, until the lock is given back
  sleep_base** over_end_ = &over_;
  std::optional<asio::steady_timer> timer_;
  time_point armed_ = time_point::max();
  std::uint64_t turn_ = 0;
  bool closed_ = false;
  std::atomic<bool> attached_{false};
  std::atomic<duration::rep> manual_{real};
};

inline void sleep_base::cancel() noexcept {
  if (!time_.remove(*this)) return;
  ec_ = asio::error::operation_aborted;
  post();
}

inline void sleep_base::on_due() noexcept {
  *time_.over_end_ = this;
  time_.over_end_ = &next_;
}

/// The time of the context behind an executor. Looking it up costs a search: keep the reference.
template <class Executor>
time_service& time_of(const Executor& executor) {
  auto& service = asio::use_service<time_service>(context_of(executor));
  service.attach(executor);
  return service;
}

} // namespace detail
} // namespace v0
} // namespace antiphon
