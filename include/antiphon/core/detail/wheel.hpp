// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Something with one coarse deadline: a base of what times out. 32 bytes.
///
/// Its time_service finds it when the deadline has passed. It must be unlinked before it is destroyed.
class wheel_entry {
 public:
  wheel_entry(const wheel_entry&) = delete;
  wheel_entry& operator=(const wheel_entry&) = delete;

 protected:
  wheel_entry() = default;
  ~wheel_entry() { assert(place_.load(std::memory_order_relaxed) == none && "unlink a wheel_entry first"); }

  /// Called with the time service locked, on the thread that runs its timer: take a reference, post, and no more. The
  /// entry is unlinked. What is posted looks at the deadline again, since set() may just have moved it.
  virtual void on_deadline() noexcept = 0;

 private:
  friend class wheel;
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  wheel_entry* next_ = nullptr;
  wheel_entry** link_ = nullptr;              // what points at this entry; null: in no slot
  std::atomic<std::uint32_t> deadline_{none}; // in ticks, rounded up
  std::atomic<std::uint32_t> place_{none};    // the tick at which the slot comes up
};

/// A timer wheel: 1,024 slots of 100 ms. It knows neither threads nor a clock: time_service brings both.
///
/// A deadline beyond the last slot waits in the last slot. Moving a deadline back in time is a store: an entry whose
/// deadline has moved on is put in its right place when its slot comes up.
class wheel {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using tick_count = std::uint32_t;
  static constexpr std::chrono::milliseconds tick{100};
  static constexpr tick_count slots = 1024;
  static constexpr tick_count never = wheel_entry::none;

  /// Ticks are counted from `epoch`.
  explicit wheel(time_point epoch) noexcept : epoch_(epoch) {}

  /// The first tick that is not before `at`; `never` for the end of time.
  tick_count round_up(time_point at) const noexcept {
    if (at <= epoch_) return 0;
    const auto ticks = (at - epoch_ - std::chrono::nanoseconds(1)) / tick + 1;
    return ticks < std::int64_t{never} ? static_cast<tick_count>(ticks) : never;
  }
  /// The last tick that has passed at `now`.
  tick_count round_down(time_point now) const noexcept {
    if (now <= epoch_) return 0;
    const auto ticks = (now - epoch_) / tick;
    return ticks < std::int64_t{never} ? static_cast<tick_count>(ticks) : never - 1;
  }
  time_point time_of(tick_count at) const noexcept {
    return at == never ? time_point::max() : epoch_ + std::int64_t{at} * tick;
  }

  /// Changes the deadline without a lock. True: the entry must also be placed, under the lock.
  bool store(wheel_entry& e, time_point deadline) const noexcept {
    // Sequentially consistent, as in place(): one of the two sees the other's store, so no earlier deadline is lost.
    const tick_count at = round_up(deadline);
    e.deadline_.store(at);
    return at < e.place_.load();
  }
  time_point deadline(const wheel_entry& e) const noexcept { return time_of(e.deadline_.load()); }

  /// Puts the entry where its deadline says, wherever it was.
  void place(wheel_entry& e, time_point now) noexcept {
    const tick_count present = round_down(now);
    if (present > turned_ && first() > present) turned_ = present;
    arrange(e);
  }

  void remove(wheel_entry& e) noexcept {
    take_out(e);
    e.place_.store(never);
    e.deadline_.store(never);
  }

  bool empty() const noexcept { return used_ == 0; }
  /// When the next slot with an entry comes up; the end of time when there is none.
  time_point next() const noexcept { return time_of(first()); }

  /// Turns the wheel to `now`: calls the entries whose deadline has passed, places the others again.
  void turn(time_point now) noexcept {
    const tick_count present = round_down(now);
    for (tick_count at = first(); at <= present && at != never; at = first()) {
      turned_ = at;
      wheel_entry* e = heads_[at % slots];
      heads_[at % slots] = nullptr;
      mark(at, false);
      while (e) {
        wheel_entry* const following = e->next_;
        e->link_ = nullptr;
        --used_;
        if (e->deadline_.load() <= at) {
          e->place_.store(never);
          e->on_deadline();
        } else {
          arrange(*e);
        }
        e = following;
      }
    }
    if (present > turned_) turned_ = present;
  }

 private:
  void arrange(wheel_entry& e) noexcept {
    while (true) {
      const tick_count deadline = e.deadline_.load();
      take_out(e);
      if (deadline == never) {
        e.place_.store(never);
      } else {
        const tick_count most = turned_ + slots - 1;
        const tick_count at = deadline <= turned_ ? turned_ + 1 : deadline > most ? most : deadline;
        put_in(e, at);
        e.place_.store(at);
      }
      if (e.deadline_.load() == deadline) return;
    }
  }
  void put_in(wheel_entry& e, tick_count at) noexcept {
    wheel_entry*& head = heads_[at % slots];
    e.next_ = head;
    if (head) head->link_ = &e.next_;
    e.link_ = &head;
    head = &e;
    ++used_;
    mark(at, true);
  }
  void take_out(wheel_entry& e) noexcept {
    if (!e.link_) return;
    *e.link_ = e.next_;
    if (e.next_) e.next_->link_ = e.link_;
    e.link_ = nullptr;
    --used_;
    const tick_count at = e.place_.load();
    if (!heads_[at % slots]) mark(at, false);
  }
  void mark(tick_count at, bool used) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (at % 64);
    auto& word = bitmap_[at % slots / 64];
    word = used ? word | bit : word & ~bit;
  }
  // The tick of the first used slot. All entries are within one turn after turned_.
  tick_count first() const noexcept {
    if (used_ == 0) return never;
    const tick_count begin = turned_ + 1;
    for (tick_count step = 0; step <= slots / 64; ++step) {
      const tick_count word = (begin % slots / 64 + step) % (slots / 64);
      std::uint64_t bits = bitmap_[word];
      if (step == 0) bits &= ~std::uint64_t{0} << (begin % 64);
      if (bits == 0) continue;
      const tick_count slot = word * 64 + static_cast<tick_count>(std::countr_zero(bits));
      return begin + (slot - begin % slots + slots) % slots;
    }
    return never;
  }

  std::array<wheel_entry*, slots> heads_{};
  std::array<std::uint64_t, slots / 64> bitmap_{};
  std::size_t used_ = 0;
  tick_count turned_ = 0; // the last tick that was dealt with
  time_point epoch_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
