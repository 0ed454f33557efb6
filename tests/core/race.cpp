// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/notifier.hpp>
#include <antiphon/core/race.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/core/timeout.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::testing::virtual_time;

// Long enough to be on the heap, so that a double destruction shows.
const std::string long_text = "a text that is too long for the small string optimisation";

struct not_default {
  explicit not_default(std::string t) : text(std::move(t)) {}
  not_default(not_default&&) = default;
  std::string text;
};

asio::awaitable<not_default> text_after(ap::duration length, std::string text) {
  co_await ap::sleep_for(length);
  co_return not_default(std::move(text));
}
asio::awaitable<int> number_after(ap::duration length, int n) {
  co_await ap::sleep_for(length);
  co_return n;
}
asio::awaitable<void> throws_after(ap::duration length, std::exception_ptr e) {
  co_await ap::sleep_for(length);
  std::rethrow_exception(e);
}
std::exception_ptr system(ap::error_code ec) { return std::make_exception_ptr(ap::system_error(ec)); }

struct race_test : ::testing::Test {
  asio::io_context io;
  virtual_time time{io};
  const ap::time_point start = time.now();

  // Runs a coroutine to its end.
  template <class F>
  void run(F& body, ap::duration within = 24h) {
    bool over = false;
    std::exception_ptr failure;
    asio::co_spawn(io, body, [&](std::exception_ptr e) {
      over = true;
      failure = e;
    });
    time.advance(within);
    EXPECT_TRUE(over) << "it still waits";
    if (failure) std::rethrow_exception(failure);
  }
};

using race = race_test;

TEST_F(race, the_first_wins_and_its_result_is_returned) {
  const auto body = [&]() -> asio::awaitable<void> {
    const auto result = co_await ap::race(ap::sleep_for(3s), text_after(1s, long_text), number_after(2s, 7));
    EXPECT_EQ(result.index, 1u);
    EXPECT_EQ(std::get<2>(result.value).text, long_text);
    EXPECT_EQ(time.now() - start, 1s) << "the others did not run on";
    const auto second = co_await ap::race(number_after(1s, 7), ap::sleep_for(3s));
    EXPECT_EQ(second.index, 0u);
    EXPECT_EQ(std::get<1>(second.value), 7);
    const auto third = co_await ap::race(ap::sleep_for(2s), ap::sleep_for(1s));
    EXPECT_EQ(third.index, 1u);
    EXPECT_EQ(third.value.index(), 2u);
  };
  run(body);
}

TEST_F(race, one_that_ends_at_once_wins_over_those_that_were_not_started) {
  bool second_began = false;
  const auto at_once = []() -> asio::awaitable<int> { co_return 1; };
  const auto other = [&]() -> asio::awaitable<int> {
    second_began = true;
    co_await ap::sleep_for(1h);
    co_return 2;
  };
  const auto body = [&]() -> asio::awaitable<void> {
    const auto result = co_await ap::race(at_once(), other());
    EXPECT_EQ(result.index, 0u);
    EXPECT_EQ(time.now(), start);
  };
  run(body);
}

TEST_F(race, of_one) {
  const auto body = [&]() -> asio::awaitable<void> {
    const auto result = co_await ap::race(number_after(1s, 5));
    EXPECT_EQ(std::get<1>(result.value), 5);
  };
  run(body);
}

TEST_F(race, waits_for_all_to_be_over) {
  bool cleaned_up = false;
  const auto slow_to_end = [&]() -> asio::awaitable<void> {
    bool cancelled = false;
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error& e) {
      cancelled = e.code() == asio::error::operation_aborted;
    }
    EXPECT_TRUE(cancelled);
    co_await asio::this_coro::reset_cancellation_state();
    co_await ap::sleep_for(5s);
    cleaned_up = true;
  };
  const auto body = [&]() -> asio::awaitable<void> {
    const auto result = co_await ap::race(slow_to_end(), ap::sleep_for(1s));
    EXPECT_EQ(result.index, 1u);
    EXPECT_TRUE(cleaned_up);
    EXPECT_EQ(time.now() - start, 6s);
  };
  run(body);
}

TEST_F(race, a_disconnect_of_the_winner_is_a_normal_end) {
  const auto body = [&]() -> asio::awaitable<void> {
    for (const ap::error_code ec : {ap::error_code(asio::error::eof), ap::error_code(asio::error::connection_reset),
                                    ap::error_code(asio::error::broken_pipe)}) {
      const auto result = co_await ap::race(number_after(2s, 7), throws_after(1s, system(ec)));
      EXPECT_EQ(result.index, 1u);
      EXPECT_EQ(result.value.index(), 0u) << "it ended, but it returned nothing";
    }
  };
  run(body);
}

TEST_F(race, any_other_failure_of_the_winner_is_rethrown) {
  const auto fails = [&]() -> asio::awaitable<void> {
    co_await ap::race(ap::sleep_for(1h), throws_after(1s, std::make_exception_ptr(std::runtime_error(long_text))));
  };
  EXPECT_THROW(run(fails), std::runtime_error);
  EXPECT_EQ(io.stopped(), true) << "the loser is gone";
  const auto times_out = [&]() -> asio::awaitable<void> {
    co_await ap::race(ap::sleep_for(1h), throws_after(1s, system(asio::error::timed_out)));
  };
  EXPECT_THROW(run(times_out), ap::system_error);
  // Aborted from elsewhere: nobody cancelled this race.
  const auto aborted = [&]() -> asio::awaitable<void> {
    co_await ap::race(ap::sleep_for(1h), throws_after(1s, system(asio::error::operation_aborted)));
  };
  EXPECT_THROW(run(aborted), ap::system_error);
}

TEST_F(race, how_a_loser_ends_is_not_looked_at) {
  const auto bad_loser = [&]() -> asio::awaitable<int> {
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error&) {
      throw std::logic_error("no manners");
    }
    co_return 1;
  };
  const auto body = [&]() -> asio::awaitable<void> {
    const auto result = co_await ap::race(bad_loser(), number_after(1s, 2));
    EXPECT_EQ(result.index, 1u);
  };
  run(body);
}

TEST_F(race, is_cancelled_as_a_whole) {
  for (const bool on_strand : {false, true}) {
    const auto body = [&]() -> asio::awaitable<void> { co_await ap::race(ap::sleep_for(1h), ap::sleep_for(2h)); };
    asio::cancellation_signal signal;
    std::optional<std::exception_ptr> end;
    const auto handler = [&](std::exception_ptr e) { end = e; };
    const asio::any_io_executor ex =
        on_strand ? asio::any_io_executor(asio::make_strand(io)) : asio::any_io_executor(io.get_executor());
    asio::co_spawn(ex, body, asio::bind_cancellation_slot(signal.slot(), handler));
    time.advance(1s);
    asio::post(ex, [&] { signal.emit(asio::cancellation_type::terminal); });
    time.advance(0s);
    ASSERT_TRUE(end);
    EXPECT_THROW(std::rethrow_exception(*end), ap::system_error);
    EXPECT_TRUE(io.stopped());
  }
}

TEST_F(race, is_cancelled_before_it_could_begin) {
  const auto body = [&]() -> asio::awaitable<void> { co_await ap::race(ap::sleep_for(1h), ap::sleep_for(2h)); };
  asio::cancellation_signal signal;
  bool over = false;
  asio::co_spawn(io, body, asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { over = !!e; }));
  io.restart();
  for (int steps = 0; steps < 50 && !over; ++steps) { // at every step of the beginning
    signal.emit(asio::cancellation_type::terminal);
    io.poll_one();
  }
  time.advance(0s);
  EXPECT_TRUE(over);
}

TEST_F(race, nests) {
  const auto inner = [](ap::duration a, ap::duration b) -> asio::awaitable<std::string> {
    const auto result = co_await ap::race(text_after(a, long_text), number_after(b, 3));
    if (result.index == 0) co_return std::get<1>(result.value).text;
    co_return std::to_string(std::get<2>(result.value));
  };
  const auto body = [&]() -> asio::awaitable<void> {
    const auto result = co_await ap::race(inner(3s, 4s), inner(2s, 1s), inner(5s, 6s));
    EXPECT_EQ(result.index, 1u);
    EXPECT_EQ(std::get<2>(result.value), "3");
    EXPECT_EQ(time.now() - start, 1s);
  };
  run(body);
}

TEST_F(race, named_branches_are_moved_in) {
  const auto body = [&]() -> asio::awaitable<void> {
    auto a = text_after(1s, long_text);
    auto b = ap::sleep_for(2s);
    auto both = ap::race(std::move(a), std::move(b)); // nothing starts here
    co_await ap::sleep_for(10s);
    const auto result = co_await std::move(both);
    EXPECT_EQ(result.index, 0u);
    EXPECT_EQ(time.now() - start, 11s);
  };
  run(body);
}

TEST_F(race, that_is_never_awaited_is_just_dropped) {
  const auto witness = std::make_shared<int>();
  const auto branch = [](std::shared_ptr<int>) -> asio::awaitable<void> { co_return; };
  {
    auto a = branch(witness);
    const auto unused = ap::race(std::move(a), ap::sleep_for(1s));
    EXPECT_EQ(witness.use_count(), 2);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(race, can_be_spawned_itself) {
  std::optional<std::size_t> winner;
  asio::co_spawn(io, ap::race(ap::sleep_for(2s), number_after(1s, 4)),
                 [&](std::exception_ptr, ap::race_result<void, int> result) { winner = result.index; });
  time.advance(1h);
  EXPECT_EQ(winner, 1u);
}

TEST_F(race, stays_on_the_callers_strand) {
  const auto strand = asio::make_strand(io);
  bool inside = false, after = false;
  const auto branch = [&]() -> asio::awaitable<void> {
    co_await ap::sleep_for(1s);
    inside = strand.running_in_this_thread();
  };
  const auto body = [&]() -> asio::awaitable<void> {
    co_await ap::race(branch(), ap::sleep_for(1h));
    after = strand.running_in_this_thread();
  };
  asio::co_spawn(strand, body, [](std::exception_ptr) {});
  time.advance(1h);
  EXPECT_TRUE(inside);
  EXPECT_TRUE(after);
}

TEST(race_shutdown, a_context_takes_its_races_along) {
  const auto witness = std::make_shared<int>();
  {
    asio::io_context io;
    const auto branch = [](std::shared_ptr<int>, ap::notifier n) -> asio::awaitable<void> {
      co_await n.async_wait(asio::use_awaitable);
    };
    const auto sleeper = [](std::shared_ptr<int>) -> asio::awaitable<void> { co_await ap::sleep_for(1h); };
    const auto body = [&](std::shared_ptr<int> mine) -> asio::awaitable<void> {
      co_await ap::race(branch(mine, ap::notifier()), sleeper(mine),
                        ap::with_timeout(1h, branch(mine, ap::notifier())));
    };
    for (int i = 0; i < 5; ++i) {
      asio::co_spawn(io, body(witness), [](std::exception_ptr) {});
      asio::co_spawn(asio::make_strand(io), body(witness), [](std::exception_ptr) {});
    }
    for (int i = 0; i < 4; ++i) io.poll();
    // One whose race has begun to end: cancelled, not yet over.
    asio::cancellation_signal signal;
    asio::co_spawn(io, body(witness), asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr) {}));
    io.poll();
    signal.emit(asio::cancellation_type::terminal);
    io.poll_one();
    EXPECT_GT(witness.use_count(), 10);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

asio::awaitable<void> spin(std::atomic<int>& over, int i) {
  for (int round = 0; round < 20; ++round) {
    const auto r =
        co_await ap::race(ap::sleep_for(std::chrono::microseconds((i + round) % 40)),
                          ap::sleep_for(std::chrono::microseconds((i * 3 + round) % 40)), number_after(1h, 1));
    EXPECT_LT(r.index, 2u);
  }
  ++over;
}

TEST(race_threads, on_a_pool_without_strands) {
  asio::thread_pool pool(4);
  std::atomic<int> over{0};
  for (int i = 0; i < 50; ++i) asio::co_spawn(pool, spin(over, i), [](std::exception_ptr e) { EXPECT_FALSE(e); });
  pool.join();
  EXPECT_EQ(over, 50);
}

TEST(race_threads, on_a_context_with_several_threads) {
  asio::io_context io;
  std::atomic<int> over{0};
  for (int i = 0; i < 50; ++i) asio::co_spawn(io, spin(over, i), [](std::exception_ptr e) { EXPECT_FALSE(e); });
  std::thread a([&] { io.run(); }), b([&] { io.run(); }), c([&] { io.run(); });
  a.join();
  b.join();
  c.join();
  EXPECT_EQ(over, 50);
}

TEST(race_threads, cancelled_while_it_ends) {
  asio::thread_pool pool(4);
  std::atomic<int> over{0};
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) {
    const auto strand = asio::make_strand(pool);
    auto signal = std::make_shared<asio::cancellation_signal>();
    const auto body = [](int n) -> asio::awaitable<void> {
      co_await ap::race(ap::sleep_for(std::chrono::microseconds(n % 50)),
                        ap::with_timeout(std::chrono::microseconds(n % 70), ap::sleep_for(1h)));
    };
    asio::post(strand, [=, &over] {
      asio::co_spawn(strand, body(i),
                     asio::bind_cancellation_slot(signal->slot(), [signal, &over](std::exception_ptr) { ++over; }));
    });
    asio::post(pool, [=] { asio::post(strand, [signal] { signal->emit(asio::cancellation_type::terminal); }); });
  }
  pool.join();
  EXPECT_EQ(over, count);
}

} // namespace
