// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/time.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <asio/use_future.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::detail::time_of;
using ap::detail::time_service;
using ap::testing::virtual_time;

const auto ignore = [](std::exception_ptr) {};

struct deadline final : ap::detail::wheel_entry {
  explicit deadline(time_service& t) : time(t) {}
  ~deadline() { time.unlink(*this); }
  void on_deadline() noexcept override {
    ++calls;
    at = time.now();
  }
  time_service& time;
  int calls = 0;
  ap::time_point at{};
};

struct due : ap::detail::timer_entry {
  explicit due(time_service& t) : time(t) {}
  ~due() { time.remove(*this); }
  void on_due() noexcept override {
    ++calls;
    at = time.now();
  }
  time_service& time;
  int calls = 0;
  ap::time_point at{};
};

struct time_test : ::testing::Test {
  asio::io_context io;
  virtual_time time{io};
  time_service& service = time_of(io.get_executor());
  const ap::time_point start = time.now();
};

using core_time = time_test;

TEST_F(core_time, sleeps_end_at_their_exact_time_and_in_order) {
  std::vector<std::pair<int, ap::duration>> woken;
  const auto sleeper = [&](int id, ap::duration length) -> asio::awaitable<void> {
    co_await ap::sleep_for(length);
    woken.emplace_back(id, time.now() - start);
  };
  asio::co_spawn(io, sleeper(1, 30s), ignore);
  asio::co_spawn(io, sleeper(2, 1ns), ignore);
  asio::co_spawn(io, sleeper(3, 24h), ignore);
  asio::co_spawn(io, sleeper(4, 30s), ignore);
  time.advance(30s - 1ns);
  EXPECT_EQ(woken, (std::vector<std::pair<int, ap::duration>>{{2, 1ns}}));
  time.advance(48h);
  EXPECT_EQ(woken, (std::vector<std::pair<int, ap::duration>>{{2, 1ns}, {1, 30s}, {4, 30s}, {3, 24h}}));
}

TEST_F(core_time, a_sleep_of_nothing_still_waits_for_its_turn) {
  for (const ap::duration length : {ap::duration::zero(), ap::duration(-1h), ap::duration::min()}) {
    bool over = false;
    ap::async_sleep_for(io.get_executor(), length, [&](ap::error_code ec) { over = !ec; });
    EXPECT_FALSE(over);
    time.advance(0s);
    EXPECT_TRUE(over);
  }
}

TEST_F(core_time, the_longest_sleep_does_not_wrap) {
  bool over = false;
  ap::async_sleep_for(io.get_executor(), ap::duration::max(), [&](ap::error_code) { over = true; });
  time.advance(24h * 365);
  EXPECT_FALSE(over);
}

TEST_F(core_time, a_loop_of_sleeps_does_not_drift) {
  int ticks = 0;
  const auto ticker = [&]() -> asio::awaitable<void> {
    while (true) {
      co_await ap::sleep_for(15s);
      ++ticks;
    }
  };
  asio::co_spawn(io, ticker, ignore);
  time.advance(25h);
  EXPECT_EQ(ticks, 6000);
}

TEST_F(core_time, a_sleep_that_is_cancelled_says_so) {
  asio::cancellation_signal signal;
  std::optional<ap::error_code> end;
  ap::async_sleep_for(io.get_executor(), 1h,
                      asio::bind_cancellation_slot(signal.slot(), [&](ap::error_code ec) { end = ec; }));
  time.advance(30min);
  signal.emit(asio::cancellation_type::total);
  time.advance(0s);
  EXPECT_EQ(end, asio::error::operation_aborted);
  EXPECT_EQ(service.next(), ap::time_point::max()) << "nothing is left behind";
}

TEST_F(core_time, a_cancellation_that_comes_too_late_changes_nothing) {
  asio::cancellation_signal signal;
  std::optional<ap::error_code> end;
  ap::async_sleep_for(io.get_executor(), 1h,
                      asio::bind_cancellation_slot(signal.slot(), [&](ap::error_code ec) { end = ec; }));
  service.advance_to(start + 1h); // due and posted, not yet run
  signal.emit(asio::cancellation_type::total);
  time.settle();
  EXPECT_EQ(end, ap::error_code());
}

TEST_F(core_time, wheel_entries_fire_within_a_tick) {
  deadline a(service), b(service), none(service);
  service.link(a, start + 10s);
  service.link(b, start + 60s);
  service.link(none, ap::time_point::max());
  time.advance(9s);
  EXPECT_EQ(a.calls, 0);
  time.advance(24h);
  EXPECT_EQ(a.calls, 1);
  EXPECT_GE(a.at, start + 10s);
  EXPECT_LT(a.at, start + 10s + 200ms);
  EXPECT_EQ(b.calls, 1);
  EXPECT_LT(b.at, start + 60s + 200ms);
  EXPECT_EQ(none.calls, 0);
}

TEST_F(core_time, wheel_deadlines_move_both_ways_and_entries_come_back) {
  deadline e(service);
  service.link(e, start + 60s);
  time.advance(5s);
  service.set(e, time.now() + 10s); // earlier
  time.advance(5s);
  service.set(e, time.now() + 60s); // later: a store
  EXPECT_GE(service.deadline(e), time.now() + 60s);
  time.advance(59s);
  EXPECT_EQ(e.calls, 0);
  time.advance(2s);
  EXPECT_EQ(e.calls, 1);
  service.set(e, time.now() + 1s); // unlinked when it fired: set links it
  time.advance(2s);
  EXPECT_EQ(e.calls, 2);
  service.link(e, time.now() + 1s);
  service.unlink(e);
  service.unlink(e);
  time.advance(1h);
  EXPECT_EQ(e.calls, 2);
}

TEST_F(core_time, timer_entries_are_exact) {
  due e(service);
  EXPECT_TRUE(service.add(e, start + 1234567ns));
  time.advance(1h);
  EXPECT_EQ(e.calls, 1);
  EXPECT_EQ(e.at, start + 1234567ns);
  EXPECT_FALSE(service.remove(e));
  EXPECT_TRUE(service.add(e, time.now() + 1s));
  EXPECT_TRUE(service.remove(e));
  EXPECT_FALSE(service.remove(e));
  time.advance(1h);
  EXPECT_EQ(e.calls, 1);
}

TEST_F(core_time, a_day_of_ten_thousand_connections) {
  // Half of them alive, with the deadline moved on again and again, half idle until they time out.
  std::deque<deadline> entries;
  for (int i = 0; i < 10'000; ++i) {
    entries.emplace_back(service);
    service.link(entries.back(), start + 60s + 1ms * i);
  }
  for (int hour = 0; hour < 24; ++hour) {
    for (std::size_t i = 0; i < entries.size(); i += 2) service.set(entries[i], time.now() + 2h);
    time.advance(1h);
  }
  for (std::size_t i = 0; i < entries.size(); ++i) ASSERT_EQ(entries[i].calls, i % 2 == 0 ? 0 : 1) << i;
}

TEST_F(core_time, sleeps_work_on_a_strand) {
  const auto strand = asio::make_strand(io);
  bool there = false;
  const auto body = [&]() -> asio::awaitable<void> {
    co_await ap::sleep_for(1s);
    there = strand.running_in_this_thread();
  };
  asio::co_spawn(strand, body, ignore);
  time.advance(1s);
  EXPECT_TRUE(there);
}

// --- real time, as little of it as possible ---

TEST(core_real_time, run_returns_when_the_last_sleep_is_over) {
  asio::io_context io;
  const auto begin = ap::clock::now();
  std::optional<ap::error_code> end;
  ap::async_sleep_for(io.get_executor(), 2ms, [&](ap::error_code ec) { end = ec; });
  io.run();
  EXPECT_EQ(end, ap::error_code());
  EXPECT_GE(ap::clock::now() - begin, 2ms);
}

TEST(core_real_time, an_earlier_sleep_overtakes_one_that_is_armed) {
  asio::io_context io;
  std::vector<int> order;
  asio::cancellation_signal signal;
  ap::async_sleep_for(io.get_executor(), 1h,
                      asio::bind_cancellation_slot(signal.slot(), [&](ap::error_code) { order.push_back(2); }));
  ap::async_sleep_for(io.get_executor(), 1ms, [&](ap::error_code) {
    order.push_back(1);
    signal.emit(asio::cancellation_type::terminal);
  });
  io.run(); // returns: the timer that was armed for the hour is gone
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(core_real_time, an_empty_wheel_does_not_keep_run_from_returning) {
  asio::io_context io;
  auto& service = time_of(io.get_executor());
  deadline e(service);
  service.link(e, service.now() + 1h);
  io.poll();
  EXPECT_FALSE(io.stopped());
  service.unlink(e);
  io.run();
  EXPECT_EQ(e.calls, 0);
}

TEST(core_real_time, a_wheel_entry_fires) {
  asio::io_context io;
  auto& service = time_of(io.get_executor());
  deadline e(service);
  const auto begin = service.now();
  service.link(e, begin + 1ms);
  io.run();
  EXPECT_EQ(e.calls, 1);
  EXPECT_GE(e.at, begin + 1ms);
}

TEST(core_real_time, the_timer_does_not_wait_for_a_busy_strand) {
  // The strand that brought the service its executor is held by a handler until a sleep elsewhere is over.
  asio::io_context io;
  const auto strand = asio::make_strand(io);
  time_of(strand);
  std::promise<void> slept;
  asio::post(strand, [&] { slept.get_future().wait(); });
  ap::async_sleep_for(io.get_executor(), 1ms, [&](ap::error_code) { slept.set_value(); });
  std::thread second([&] { io.run(); });
  io.run();
  second.join();
}

TEST(core_threads, sleeps_on_a_thread_pool) {
  asio::thread_pool pool(4);
  std::atomic<int> over{0};
  const auto sleeper = [&](int i) -> asio::awaitable<void> {
    for (int round = 0; round < 10; ++round) co_await ap::sleep_for(std::chrono::microseconds(i * 7 % 50));
    ++over;
  };
  for (int i = 0; i < 200; ++i) asio::co_spawn(pool, sleeper(i), ignore);
  pool.join();
  EXPECT_EQ(over, 200);
}

TEST(core_threads, sleeps_are_cancelled_while_they_end) {
  asio::thread_pool pool(4);
  std::atomic<int> completed{0};
  constexpr int count = 300;
  for (int i = 0; i < count; ++i) {
    const auto strand = asio::make_strand(pool);
    auto signal = std::make_shared<asio::cancellation_signal>();
    asio::dispatch(strand, [=, &completed] {
      ap::async_sleep_for(
          strand, std::chrono::microseconds(i % 60),
          asio::bind_executor(strand, asio::bind_cancellation_slot(signal->slot(), [=, &completed](ap::error_code ec) {
                                EXPECT_TRUE(!ec || ec == asio::error::operation_aborted);
                                EXPECT_FALSE(signal->slot().has_handler());
                                ++completed;
                              })));
    });
    asio::post(strand, [signal] { signal->emit(asio::cancellation_type::terminal); });
  }
  pool.join();
  EXPECT_EQ(completed, count);
}

TEST(core_threads, wheel_entries_move_and_fire_on_many_threads) {
  asio::thread_pool pool(3);
  auto& service = time_of(pool.get_executor());
  struct counted_entry final : ap::detail::wheel_entry {
    void on_deadline() noexcept override { ++calls; }
    std::atomic<int> calls{0};
  };
  std::deque<counted_entry> entries(64);
  for (auto& e : entries) {
    asio::post(pool, [&service, &e] {
      for (int i = 0; i < 200; ++i) {
        service.set(e, service.now() + std::chrono::milliseconds(i % 3 == 0 ? 10'000 : i % 3 == 1 ? 500 : 60'000));
        if (i % 50 == 49) service.unlink(e);
      }
      service.set(e, service.now() + 1h);
      service.set(e, service.now()); // an earlier one is not lost
    });
  }
  pool.join(); // returns when the wheel is empty
  for (auto& e : entries) {
    EXPECT_GE(e.calls, 1);
    service.unlink(e);
  }
}

TEST(core_shutdown, a_context_that_stops_takes_its_sleepers_along) {
  const auto witness = std::make_shared<int>();
  {
    asio::io_context io;
    const auto sleeper = [](std::shared_ptr<int>) -> asio::awaitable<void> { co_await ap::sleep_for(1h); };
    for (int i = 0; i < 10; ++i) {
      asio::co_spawn(io, sleeper(witness), ignore);
      asio::co_spawn(asio::make_strand(io), sleeper(witness), ignore);
    }
    asio::post(io, [&] { io.stop(); });
    io.run();
    EXPECT_GT(witness.use_count(), 20);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(core_shutdown, an_exception_ends_the_program_in_good_order) {
  const auto witness = std::make_shared<int>();
  const auto program = [&] {
    asio::io_context io;
    const auto sleeper = [](std::shared_ptr<int>) -> asio::awaitable<void> { co_await ap::sleep_for(1h); };
    asio::co_spawn(io, sleeper(witness), ignore);
    asio::post(io, [] { throw std::string("the program's own"); });
    io.run();
  };
  EXPECT_THROW(program(), std::string);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(core_shutdown, frames_that_own_each_other_go_too) {
  // A frame that sleeps owns an object whose destructor cancels another sleeper and starts a sleep of its own.
  struct last_words {
    asio::io_context& io;
    asio::cancellation_signal& other;
    ~last_words() {
      other.emit(asio::cancellation_type::terminal);
      ap::async_sleep_for(io.get_executor(), 1s, [](ap::error_code) {});
    }
  };
  const auto witness = std::make_shared<int>();
  asio::cancellation_signal signal;
  {
    asio::io_context io;
    const auto sleeper = [](std::shared_ptr<int>, std::shared_ptr<last_words>) -> asio::awaitable<void> {
      co_await ap::sleep_for(1h);
    };
    std::shared_ptr<last_words> words(new last_words{io, signal});
    asio::co_spawn(io, sleeper(witness, std::move(words)), ignore);
    asio::co_spawn(io, sleeper(witness, nullptr), asio::bind_cancellation_slot(signal.slot(), ignore));
    io.poll();
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(core_shutdown, a_linked_entry_may_outlive_the_timer_in_a_handler) {
  asio::io_context io;
  auto& service = time_of(io.get_executor());
  auto e = std::make_shared<deadline>(service);
  service.link(*e, service.now() + 1h);
  asio::post(io, [e] {}); // destroyed with the context's last handlers, when the service has shut down already
}

} // namespace
