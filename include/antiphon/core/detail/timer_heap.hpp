// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Something that is due at one exact time: a base of sleeps, holds and heartbeats. It must be removed before it is
/// destroyed.
class timer_entry {
 public:
  timer_entry(const timer_entry&) = delete;
  timer_entry& operator=(const timer_entry&) = delete;

 protected:
  timer_entry() = default;
  ~timer_entry() { assert(index_ == none && "remove a timer_entry first"); }

  /// Called with the time service locked, on the thread that runs its timer: take a reference, post, and no more. The
  /// entry is no longer in the list.
  virtual void on_due() noexcept = 0;
  /// When it is due, or was last: for whoever adds it.
  std::chrono::steady_clock::time_point due() const noexcept { return due_; }
  /// The context goes, nothing will become due. Not locked; the entry is no longer in the list.
  virtual void on_shutdown() noexcept {}

 private:
  friend class timer_heap;
  friend class time_service;
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  std::chrono::steady_clock::time_point due_{};
  std::uint32_t order_ = 0;
  std::uint32_t index_ = none;
};

/// Entries in the order in which they become due, and were added where that is equal: a binary heap of pointers.
class timer_heap {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  bool empty() const noexcept { return entries_.empty(); }
  /// When the first entry is due; the end of time when there is none.
  time_point next() const noexcept { return entries_.empty() ? time_point::max() : entries_.front()->due_; }

  void add(timer_entry& e, time_point due) {
    assert(e.index_ == timer_entry::none && "a timer_entry is added once");
    entries_.push_back(&e);
    e.due_ = due;
    e.order_ = ++order_;
    e.index_ = static_cast<std::uint32_t>(entries_.size() - 1);
    rise(e.index_);
  }

  /// False: it was not there.
  bool remove(timer_entry& e) noexcept {
    if (e.index_ == timer_entry::none) return false;
    const std::size_t hole = std::exchange(e.index_, timer_entry::none);
    timer_entry* const last = entries_.back();
    entries_.pop_back();
    if (last != &e) {
      put(hole, last);
      rise(hole);
      sink(last->index_);
    }
    return true;
  }

  timer_entry* pop() noexcept {
    if (entries_.empty()) return nullptr;
    timer_entry* const first = entries_.front();
    remove(*first);
    return first;
  }

 private:
  // The counter may wrap: it is only compared between entries that wait at the same time.
  static bool before(const timer_entry& a, const timer_entry& b) noexcept {
    if (a.due_ != b.due_) return a.due_ < b.due_;
    return static_cast<std::int32_t>(a.order_ - b.order_) < 0;
  }
  void put(std::size_t at, timer_entry* e) noexcept {
    entries_[at] = e;
    e->index_ = static_cast<std::uint32_t>(at);
  }
  void rise(std::size_t at) noexcept {
    timer_entry* const e = entries_[at];
    for (; at > 0 && before(*e, *entries_[(at - 1) / 2]); at = (at - 1) / 2) put(at, entries_[(at - 1) / 2]);
    put(at, e);
  }
  void sink(std::size_t at) noexcept {
    timer_entry* const e = entries_[at];
    while (true) {
      std::size_t child = 2 * at + 1;
      if (child >= entries_.size()) break;
      if (child + 1 < entries_.size() && before(*entries_[child + 1], *entries_[child])) ++child;
      if (!before(*entries_[child], *e)) break;
      put(at, entries_[child]);
      at = child;
    }
    put(at, e);
  }

  std::vector<timer_entry*> entries_;
  std::uint32_t order_ = 0;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
