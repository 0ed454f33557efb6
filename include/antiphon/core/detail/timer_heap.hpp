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

/// Entries in the order in which they become due, and were added where that is equal: a binary heap. Keys stand in the
/// heap itself, and what is removed leaves its place behind until it comes up or half of all is left places: so that a
/// thousand polls that are answered together touch no memory but their own.
class timer_heap {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  bool empty() const noexcept { return left_ == places_.size(); }
  /// When the first entry is due; the end of time when there is none.
  time_point next() const noexcept { return places_.empty() ? time_point::max() : places_.front().due; }

  void add(timer_entry& e, time_point due) {
    assert(e.index_ == timer_entry::none && "a timer_entry is added once");
    places_.push_back({due, &e});
    e.due_ = due;
    e.order_ = ++order_;
    rise(places_.size() - 1);
  }

  /// False: it was not there.
  bool remove(timer_entry& e) noexcept {
    if (e.index_ == timer_entry::none) return false;
    places_[std::exchange(e.index_, timer_entry::none)].entry = nullptr;
    ++left_;
    tidy();
    return true;
  }

  timer_entry* pop() noexcept {
    if (places_.empty()) return nullptr;
    timer_entry* const first = places_.front().entry;
    remove(*first);
    return first;
  }

 private:
  struct place {
    time_point due;
    timer_entry* entry; // null: it was removed, and goes before all that are due with it

    // The counter may wrap: it is only compared between entries that wait at the same time.
    bool before(const place& other) const noexcept {
      if (due != other.due) return due < other.due;
      if (!entry || !other.entry) return !entry && other.entry;
      return static_cast<std::int32_t>(entry->order_ - other.entry->order_) < 0;
    }
  };

  /// The first place is never one that was left.
  void tidy() noexcept {
    if (2 * left_ > places_.size()) {
      std::erase_if(places_, [](const place& p) { return !p.entry; });
      left_ = 0;
      for (std::size_t at = places_.size(); at-- > 0;) sink(at);
    }
    while (!places_.empty() && !places_.front().entry) {
      places_.front() = places_.back();
      places_.pop_back();
      --left_;
      if (!places_.empty()) sink(0);
    }
  }
  void put(std::size_t at, const place& p) noexcept {
    places_[at] = p;
    if (p.entry) p.entry->index_ = static_cast<std::uint32_t>(at);
  }
  void rise(std::size_t at) noexcept {
    const place p = places_[at];
    for (; at > 0 && p.before(places_[(at - 1) / 2]); at = (at - 1) / 2) put(at, places_[(at - 1) / 2]);
    put(at, p);
  }
  void sink(std::size_t at) noexcept {
    const place p = places_[at];
    while (true) {
      std::size_t child = 2 * at + 1;
      if (child >= places_.size()) break;
      if (child + 1 < places_.size() && places_[child + 1].before(places_[child])) ++child;
      if (!places_[child].before(p)) break;
      put(at, places_[child]);
      at = child;
    }
    put(at, p);
  }

  std::vector<place> places_;
  std::size_t left_ = 0;
  std::uint32_t order_ = 0;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
