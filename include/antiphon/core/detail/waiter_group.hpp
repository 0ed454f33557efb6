// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/parked.hpp>
#include <antiphon/core/detail/parking.hpp>

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

class waiter_group;
class waiter_groups;

struct waiter_node {
  waiter_node* next = nullptr; // null: in no list
  waiter_node* prev = nullptr;
};

} // namespace detail

/// Something that a notifier wakes, without a coroutine or an allocation: a base of flows and of other waiters.
///
/// A derived class whose members wake() needs calls leave() in its destructor.
class waiter : detail::waiter_node {
 public:
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  /// Something has changed: look, and join again if there is nothing. It waits no longer, and may join in here.
  virtual void wake() = 0;
  /// The context goes: end without calling anybody. It waits no longer.
  virtual void discard() noexcept = 0;

  /// Ends the waiting. False: it did not wait, or wake() is about to be called.
  inline bool leave() noexcept;

 protected:
  waiter() = default;
  ~waiter() { leave(); }
  /// Within wake(): it was not notified, and will not be, since the notifier has no handle any more.
  inline bool ended() const noexcept;

 private:
  friend class detail::waiter_group;
  friend class detail::waiter_groups;
  std::shared_ptr<detail::waiter_group> group_;
};

namespace detail {

/// The waiters of one notifier that share an executor: woken together, by one posted pass.
class waiter_group final : public parking::item, public std::enable_shared_from_this<waiter_group> {
 public:
  static constexpr std::size_t most_in_a_pass = 256;

  waiter_group(const asio::any_io_executor& executor, std::weak_ptr<waiter_groups> groups)
      : executor_(executor), parking_(parking_of(executor)), groups_(std::move(groups)) {
    waiting_.next = waiting_.prev = &waiting_;
    waking_.next = waking_.prev = &waking_;
  }

  /// Registers it with its context, which owns it from then on. False: the context goes.
  bool enter() {
    self_ = shared_from_this();
    if (parking_.add(*this)) return true;
    self_.reset();
    alive_ = false;
    return false;
  }

  enum class match { yes, no, dead };
  match push_if(const asio::any_io_executor& executor, waiter& w) {
    const std::lock_guard lock(mutex_);
    if (!alive_) return match::dead;
    if (executor_ != executor) return match::no;
    assert(!w.next && "a waiter waits on one notifier at a time");
    link(waiting_, w);
    idle_ = false;
    return match::yes;
  }

  bool remove(waiter& w) noexcept {
    std::unique_lock lock(mutex_);
    if (!w.next) return false;
    unlink(w);
    const bool unused = quiet();
    lock.unlock();
    if (unused) drop();
    return true;
  }

  void ring() {
    const std::lock_guard lock(mutex_);
    if (!alive_ || rung_) return;
    rung_ = true;
    if (!passing_) post();
  }

  /// The last handle of the notifier has gone: wakes all for the last time.
  void close() {
    if (retire()) return;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (!alive_ || rung_) return; // who was notified before is told that
    rung_ = closing_ = true;
    if (!passing_) post();
  }
  /// This pass wakes those who were not notified and will not be.
  bool ended() const noexcept { return ended_.load(std::memory_order_relaxed); }

  /// Ends it, if nobody waits.
  bool retire() noexcept {
    asio::any_io_executor executor; // a strand may not outlive its context
    std::shared_ptr<waiter_group> self;
    const std::lock_guard lock(mutex_);
    if (!alive_) return true;
    if (!quiet()) return false;
    alive_ = false;
    executor.swap(executor_);
    if (parking_.remove(*this)) self.swap(self_);
    return true;
  }

 private:
  struct pass {
    std::shared_ptr<waiter_group> group;
    void operator()() const { group->run(); }
  };

  static void link(waiter_node& list, waiter_node& w) noexcept {
    w.next = &list;
    w.prev = list.prev;
    list.prev->next = &w;
    list.prev = &w;
  }
  static void unlink(waiter_node& w) noexcept {
    w.prev->next = w.next;
    w.next->prev = w.prev;
    w.next = w.prev = nullptr;
  }
  static bool empty(const waiter_node& list) noexcept { return list.next == &list; }
  static waiter& pop(waiter_node& list) noexcept {
    auto& first = static_cast<waiter&>(*list.next);
    unlink(first);
    return first;
  }
  bool quiet() const noexcept { return empty(waiting_) && empty(waking_) && !rung_ && !passing_; }
  void post() { asio::post(executor_, pass{shared_from_this()}); }

  void run() {
    std::unique_lock lock(mutex_);
    if (!passing_) {
      passing_ = true;
      rung_ = false;
      ended_.store(closing_, std::memory_order_relaxed);
      if (!empty(waiting_)) {
        waking_.next = waiting_.next;
        waking_.prev = waiting_.prev;
        waking_.next->prev = waking_.prev->next = &waking_;
        waiting_.next = waiting_.prev = &waiting_;
      }
    }
    // Also when a handler throws: the others are then woken by the next piece.
    struct end {
      waiter_group& group;
      std::unique_lock<std::mutex>& lock;
      ~end() { group.end_of_piece(lock); }
    } const at_end{*this, lock};
    for (std::size_t n = 0; n < most_in_a_pass && !empty(waking_); ++n) {
      waiter& w = pop(waking_);
      lock.unlock();
      w.wake();
      lock.lock();
    }
  }

  void end_of_piece(std::unique_lock<std::mutex>& lock) {
    if (!lock.owns_lock()) lock.lock();
    if (!alive_) return;
    if (!empty(waking_)) return post();
    passing_ = false;
    if (rung_) return post();
    if (!empty(waiting_)) return;
    // A lone reader comes back after each message: its group is kept for one notification without anybody.
    const bool unused = std::exchange(idle_, true) || closed_;
    lock.unlock();
    if (unused) drop();
  }

  inline void drop() noexcept;

  void abandon() noexcept override {
    const auto self = std::move(self_);
    asio::any_io_executor executor;
    std::unique_lock lock(mutex_);
    alive_ = false;
    executor.swap(executor_);
    for (auto* list : {&waking_, &waiting_}) {
      while (!empty(*list)) {
        waiter& w = pop(*list);
        lock.unlock();
        w.discard();
        lock.lock();
      }
    }
  }

  std::mutex mutex_;
  asio::any_io_executor executor_;
  parking& parking_;
  const std::weak_ptr<waiter_groups> groups_;
  std::shared_ptr<waiter_group> self_; // while the context owns it
  waiter_node waiting_;                // for the next notification
  waiter_node waking_;                 // those that the present pass has not reached yet
  bool alive_ = true;
  bool rung_ = false;    // notified since the pass began; a pass is posted or will be
  bool passing_ = false; // within a pass, between its pieces too
  bool idle_ = false;    // the last pass left it empty
  bool closed_ = false;
  bool closing_ = false;
  std::atomic<bool> ended_{false};
};

/// The groups of one notifier. They belong to the contexts of their executors.
class waiter_groups : public std::enable_shared_from_this<waiter_groups> {
 public:
  waiter_groups() = default;
  waiter_groups(const waiter_groups&) = delete;
  waiter_groups& operator=(const waiter_groups&) = delete;
  ~waiter_groups() {
    for (const auto& group : groups_) group->close();
  }

  std::uint64_t count() const noexcept { return count_.load(std::memory_order_acquire); }

  /// How many executors have waiters, or had some lately.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return groups_.size();
  }

  void notify_all() {
    const std::lock_guard lock(mutex_);
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    for (const auto& group : groups_) group->ring();
  }

  /// False: it was notified since `seen`, and `w` does not wait.
  bool join(const asio::any_io_executor& executor, waiter& w, const std::uint64_t* seen) {
    std::unique_lock lock(mutex_);
    if (seen && *seen != count_.load(std::memory_order_relaxed)) return false;
    for (std::size_t i = 0; i < groups_.size();) {
      w.group_ = groups_[i];
      switch (groups_[i]->push_if(executor, w)) {
      case waiter_group::match::yes: return true;
      case waiter_group::match::no: ++i; break;
      case waiter_group::match::dead: erase(i); break;
      }
    }
    w.group_ = std::make_shared<waiter_group>(executor, weak_from_this());
    if (w.group_->enter()) {
      groups_.push_back(w.group_);
      w.group_->push_if(executor, w);
    } else {
      lock.unlock();
      w.discard();
    }
    return true;
  }

  void drop(const waiter_group& group) noexcept {
    std::shared_ptr<waiter_group> dropped;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_[i].get() != &group) continue;
      dropped = groups_[i];
      if (dropped->retire()) erase(i);
      return;
    }
  }

 private:
  void erase(std::size_t i) noexcept {
    groups_[i].swap(groups_.back());
    groups_.pop_back();
  }

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<waiter_group>> groups_;
  std::atomic<std::uint64_t> count_{0};
};

inline void waiter_group::drop() noexcept {
  if (const auto groups = groups_.lock()) {
    groups->drop(*this);
  } else {
    retire();
  }
}

} // namespace detail

inline bool waiter::leave() noexcept { return group_ && group_->remove(*this); }
inline bool waiter::ended() const noexcept { return group_ && group_->ended(); }

} // namespace v0
} // namespace antiphon
