// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/wheel.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <vector>

namespace {

using namespace std::chrono_literals;
using antiphon::detail::wheel;
using antiphon::detail::wheel_entry;
using time_point = wheel::time_point;

constexpr time_point epoch{std::chrono::hours(1000)};

struct wheel_timer final : wheel_entry {
  ~wheel_timer() = default;
  void on_deadline() noexcept override { ++calls; }
  int calls = 0;
};

struct clockwork : ::testing::Test {
  wheel w{epoch};

  void set(wheel_entry& e, time_point at, time_point now) {
    if (w.store(e, at)) w.place(e, now);
  }
};

using wheel_test = clockwork;

static_assert(sizeof(wheel_timer) - sizeof(int) <= 40);
static_assert(sizeof(wheel_entry) == 32, "an idle connection pays for it");

TEST_F(wheel_test, is_empty_at_first) {
  EXPECT_TRUE(w.empty());
  EXPECT_EQ(w.next(), time_point::max());
  w.turn(epoch + 1000h);
  EXPECT_TRUE(w.empty());
}

TEST_F(wheel_test, fires_at_the_first_tick_not_before_the_deadline) {
  for (const auto length : {1ms, 99ms, 100ms, 101ms, 1999ms, 60'000ms, 102'300ms}) {
    wheel fresh{epoch};
    wheel_timer e;
    ASSERT_TRUE(fresh.store(e, epoch + length));
    fresh.place(e, epoch);
    const auto due = fresh.next();
    EXPECT_GE(due, epoch + length);
    EXPECT_LT(due, epoch + length + 100ms);
    fresh.turn(due - 1ns);
    EXPECT_EQ(e.calls, 0);
    fresh.turn(due);
    EXPECT_EQ(e.calls, 1);
    EXPECT_TRUE(fresh.empty());
  }
}

TEST_F(wheel_test, a_deadline_in_the_past_comes_up_at_the_next_tick) {
  wheel_timer e;
  w.turn(epoch + 1h);
  set(e, epoch, epoch + 1h);
  EXPECT_EQ(w.next(), epoch + 1h + 100ms);
  w.turn(epoch + 1h + 100ms);
  EXPECT_EQ(e.calls, 1);
}

TEST_F(wheel_test, moving_the_deadline_on_needs_no_lock_and_fires_later) {
  wheel_timer e;
  set(e, epoch + 1s, epoch);
  EXPECT_FALSE(w.store(e, epoch + 5s));
  EXPECT_EQ(w.next(), epoch + 1s) << "it still stands in its old slot";
  w.turn(epoch + 1s);
  EXPECT_EQ(e.calls, 0);
  EXPECT_EQ(w.next(), epoch + 5s);
  w.turn(epoch + 5s);
  EXPECT_EQ(e.calls, 1);
}

TEST_F(wheel_test, moving_the_deadline_back_needs_placing) {
  wheel_timer e;
  set(e, epoch + 50s, epoch);
  EXPECT_TRUE(w.store(e, epoch + 1s));
  w.place(e, epoch);
  EXPECT_EQ(w.next(), epoch + 1s);
  w.turn(epoch + 1s);
  EXPECT_EQ(e.calls, 1);
}

TEST_F(wheel_test, no_deadline_takes_it_out_when_its_slot_comes_up) {
  wheel_timer e;
  set(e, epoch + 1s, epoch);
  EXPECT_FALSE(w.store(e, time_point::max()));
  w.turn(epoch + 1s);
  EXPECT_EQ(e.calls, 0);
  EXPECT_TRUE(w.empty());
  EXPECT_TRUE(w.store(e, epoch + 2s)) << "then it must be placed again";
  w.place(e, epoch + 1s);
  w.turn(epoch + 2s);
  EXPECT_EQ(e.calls, 1);
}

TEST_F(wheel_test, deadlines_beyond_the_wheel_go_round) {
  wheel_timer e;
  set(e, epoch + 24h, epoch);
  int steps = 0;
  while (w.next() < epoch + 24h) {
    w.turn(w.next());
    ++steps;
    ASSERT_EQ(e.calls, 0);
    ASSERT_LT(steps, 1000);
  }
  w.turn(w.next());
  EXPECT_EQ(e.calls, 1);
}

TEST_F(wheel_test, one_big_step_passes_every_slot_once) {
  std::deque<wheel_timer> entries(3000);
  for (std::size_t i = 0; i < entries.size(); ++i) set(entries[i], epoch + 100ms * (i + 1), epoch);
  w.turn(epoch + 200s);
  for (std::size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i].calls, i < 2000 ? 1 : 0) << i;
  w.turn(epoch + 300s);
  for (const auto& e : entries) EXPECT_EQ(e.calls, 1);
  EXPECT_TRUE(w.empty());
}

TEST_F(wheel_test, is_right_after_a_long_idle_time) {
  wheel_timer e;
  set(e, epoch + 5h, epoch + 5h - 1s);
  EXPECT_EQ(w.next(), epoch + 5h);
  w.turn(epoch + 5h);
  EXPECT_EQ(e.calls, 1);
}

TEST_F(wheel_test, an_entry_may_be_removed_in_any_state) {
  wheel_timer never, waiting, fired, dormant;
  w.remove(never);
  set(waiting, epoch + 1s, epoch);
  set(fired, epoch + 100ms, epoch);
  set(dormant, epoch + 100ms, epoch);
  EXPECT_FALSE(w.store(dormant, time_point::max()));
  w.turn(epoch + 100ms);
  w.remove(waiting);
  w.remove(fired);
  w.remove(dormant);
  w.remove(waiting);
  w.turn(epoch + 10s);
  EXPECT_EQ(waiting.calls, 0);
  EXPECT_EQ(fired.calls, 1);
  EXPECT_TRUE(w.empty());
  EXPECT_EQ(w.deadline(waiting), time_point::max());
}

TEST_F(wheel_test, a_late_timer_does_not_lose_what_is_linked_meanwhile) {
  wheel_timer late, fresh;
  set(late, epoch + 1s, epoch);
  // Nobody turned the wheel for two minutes; then something is linked before it is.
  set(fresh, epoch + 121s, epoch + 120s);
  w.turn(epoch + 120s);
  EXPECT_EQ(late.calls, 1);
  EXPECT_EQ(fresh.calls, 0);
  w.turn(epoch + 121s);
  EXPECT_EQ(fresh.calls, 1);
}

TEST_F(wheel_test, agrees_with_a_plain_list_whatever_happens) {
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
  struct model {
    time_point deadline = time_point::max(); // max: must not fire
    int calls = 0;
  };
  std::deque<wheel_timer> entries(50);
  std::vector<model> models(entries.size());
  time_point now = epoch;
  for (int step = 0; step < 20'000; ++step) {
    const auto i = below(50);
    switch (below(4)) {
    case 0:
      w.remove(entries[i]);
      models[i].deadline = time_point::max();
      break;
    case 1:
      now += std::chrono::milliseconds(below(100) == 0 ? 200'000 : below(400));
      w.turn(now);
      for (auto& m : models) {
        // Rounded up to a tick.
        if (m.deadline != time_point::max() && w.time_of(w.round_up(m.deadline)) <= now) {
          ++m.calls;
          m.deadline = time_point::max();
        }
      }
      break;
    default:
      // Not in the past: that would wait for the next tick.
      models[i].deadline = now + 101ms + std::chrono::milliseconds(below(10) == 0 ? below(500'000) : below(3000));
      set(entries[i], models[i].deadline, now);
    }
    for (std::size_t k = 0; k < entries.size(); ++k) ASSERT_EQ(entries[k].calls, models[k].calls) << step << ' ' << k;
  }
  for (auto& e : entries) w.remove(e);
  EXPECT_TRUE(w.empty());
}

} // namespace
