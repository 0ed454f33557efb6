// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/pipe.hpp>
#include <antiphon/pubsub/topic.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/use_future.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using numbers = ap::topic<int>;

void rethrow(std::exception_ptr e) {
  if (e) std::rethrow_exception(e);
}

struct result {
  ap::error_code ec;
  std::optional<int> value;
  bool done = false;
  auto handler(const asio::any_io_executor& ex, asio::cancellation_slot slot = {}) {
    return asio::bind_cancellation_slot(slot, asio::bind_executor(ex, [this](ap::error_code e, ap::message<int> m) {
                                          ec = e;
                                          if (m) value = *m;
                                          done = true;
                                        }));
  }
};

struct subscription : testing::Test {
  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  numbers t{{.history = 5}};
  void run() { time.advance(0s); }
};

TEST_F(subscription, completes_with_what_comes_and_never_inside_the_call) {
  auto s = t.subscribe();
  result r;
  s.async_receive(r.handler(io.get_executor()));
  run();
  EXPECT_FALSE(r.done);
  t.publish(7);
  EXPECT_FALSE(r.done);
  run();
  EXPECT_EQ(r.value, 7);
  t.publish(8);
  result at_once;
  s.async_receive(at_once.handler(io.get_executor()));
  EXPECT_FALSE(at_once.done);
  run();
  EXPECT_EQ(at_once.value, 8);
}

TEST_F(subscription, takes_any_token) {
  auto s = t.subscribe();
  t.publish(1);
  t.publish(2);
  auto future = s.async_receive(asio::bind_executor(io.get_executor(), asio::use_future));
  run();
  EXPECT_EQ(*future.get(), 1);
  int got = 0;
  struct coroutine {
    static asio::awaitable<void> run(ap::subscription<int>& from, int& to) {
      const auto m = co_await from.async_receive(asio::use_awaitable);
      to = *m;
    }
  };
  asio::co_spawn(io, coroutine::run(s, got), rethrow);
  run();
  EXPECT_EQ(got, 2);
}

TEST_F(subscription, cancelled_it_has_read_nothing) {
  auto s = t.subscribe();
  asio::cancellation_signal stop;
  result r;
  s.async_receive(r.handler(io.get_executor(), stop.slot()));
  run();
  stop.emit(asio::cancellation_type::total);
  t.publish(3);
  run();
  EXPECT_EQ(r.ec, asio::error::operation_aborted);
  ap::error_code ec;
  EXPECT_EQ(**s.try_receive(ec), 3);
}

TEST_F(subscription, a_gap_ends_one_read_and_the_next_goes_on) {
  auto s = t.subscribe();
  auto skips = t.subscribe(ap::position::now, ap::on_gap::skip);
  for (int i = 1; i <= 8; ++i) t.publish(i);
  ap::error_code ec;
  EXPECT_FALSE(s.try_receive(ec));
  EXPECT_EQ(ec, ap::error::gap);
  EXPECT_EQ(**s.try_receive(ec), 4);
  EXPECT_FALSE(ec);
  EXPECT_EQ(**skips.try_receive(ec), 4);
  EXPECT_EQ(skips.skipped(), 3U);
  auto other = t.subscribe(ap::position::after({t.head().log + 1, {0, 1}}));
  EXPECT_FALSE(other.try_receive(ec));
  EXPECT_EQ(ec, ap::error::other_log);
  EXPECT_EQ(**other.try_receive(ec), 4);
}

TEST_F(subscription, nothing_is_no_error_and_the_end_is_eof) {
  auto s = t.subscribe();
  ap::error_code ec = asio::error::fault;
  EXPECT_FALSE(s.try_receive(ec));
  EXPECT_FALSE(ec);
  result r;
  s.async_receive(r.handler(io.get_executor()));
  t.close();
  run();
  EXPECT_EQ(r.ec, asio::error::eof);
}

struct batch {
  ap::error_code ec;
  std::vector<int> values;
  bool done = false;
  auto handler(const asio::any_io_executor& ex, asio::cancellation_slot slot = {}) {
    return asio::bind_cancellation_slot(
        slot, asio::bind_executor(ex, [this](ap::error_code e, std::vector<ap::message<int>> all) {
          ec = e;
          for (const auto& m : all) values.push_back(*m);
          done = true;
        }));
  }
};

TEST_F(subscription, collects_as_many_as_are_wanted) {
  auto s = t.subscribe();
  batch b;
  s.async_collect(3, 1h, b.handler(io.get_executor()));
  for (int i = 1; i <= 4; ++i) {
    t.publish(i);
    run();
  }
  EXPECT_EQ(b.values, (std::vector{1, 2, 3}));
  EXPECT_FALSE(b.ec);
}

TEST_F(subscription, collects_for_a_time_from_the_first_on) {
  auto s = t.subscribe();
  batch b;
  s.async_collect(10, 5s, b.handler(io.get_executor()));
  time.advance(1h);
  EXPECT_FALSE(b.done);
  t.publish(1);
  run();
  time.advance(4'999ms);
  t.publish(2);
  run();
  EXPECT_FALSE(b.done);
  time.advance(1ms);
  EXPECT_EQ(b.values, (std::vector{1, 2}));
  batch none;
  t.publish(3);
  s.async_collect(10, 0s, none.handler(io.get_executor()));
  run();
  EXPECT_EQ(none.values, (std::vector{3})) << "what is there";
}

TEST_F(subscription, what_was_collected_comes_with_the_end_of_it) {
  auto s = t.subscribe();
  asio::cancellation_signal stop;
  batch b;
  s.async_collect(10, 5s, b.handler(io.get_executor(), stop.slot()));
  t.publish(1);
  run();
  stop.emit(asio::cancellation_type::terminal);
  run();
  EXPECT_EQ(b.ec, asio::error::operation_aborted);
  EXPECT_EQ(b.values, (std::vector{1}));
  batch last;
  s.async_collect(10, 5s, last.handler(io.get_executor()));
  t.publish(2);
  t.close();
  run();
  EXPECT_EQ(last.ec, asio::error::eof);
  EXPECT_EQ(last.values, (std::vector{2}));
}

TEST_F(subscription, an_operation_goes_on_without_it) {
  result r;
  batch b;
  {
    auto s = t.subscribe();
    s.async_receive(r.handler(io.get_executor()));
    auto other = t.subscribe();
    other.async_collect(2, 5s, b.handler(io.get_executor()));
  }
  t.publish(4);
  time.advance(5s);
  EXPECT_EQ(r.value, 4);
  EXPECT_EQ(b.values, (std::vector{4}));
  EXPECT_EQ(t.stats().readers, 0U);
}

TEST(subscriptions, are_destroyed_with_their_context) {
  numbers t;
  bool called = false;
  const auto alive = std::make_shared<int>(0);
  {
    asio::io_context io;
    auto one = t.subscribe(), two = t.subscribe();
    one.async_receive(asio::bind_executor(
        io.get_executor(), [&called, alive](ap::error_code, const ap::message<int>&) { called = true; }));
    two.async_collect(9, 1h, asio::bind_executor(io.get_executor(), [&called, alive](ap::error_code, const auto&) {
                        called = true;
                      }));
    t.publish(1);
    io.poll(); // the collector has one, and a timer
  }
  EXPECT_TRUE(called) << "the receiver";
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_EQ(t.stats().readers, 0U);
}

TEST(subscriptions, of_several_contexts_get_everything_each_on_its_own) {
  constexpr int messages = 3'000, readers = 3;
  numbers t({.history = messages});
  struct reader {
    static asio::awaitable<void> run(ap::subscription<int> from, std::atomic<int>& next, std::thread::id& where) {
      for (int i = 0; i < messages; ++i) {
        const auto m = co_await from.async_receive(asio::use_awaitable);
        if (*m == next) ++next;
      }
      where = std::this_thread::get_id();
    }
  };
  std::vector<std::unique_ptr<asio::io_context>> contexts;
  std::vector<std::atomic<int>> next(readers);
  std::vector<std::thread::id> where(readers);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < readers; ++i) {
    contexts.push_back(std::make_unique<asio::io_context>(1));
    asio::co_spawn(*contexts[i], reader::run(t.subscribe(), next[i], where[i]), rethrow);
    threads.emplace_back([&io = *contexts[i]] { io.run(); });
  }
  std::vector<std::thread::id> ids;
  for (auto& thread : threads) ids.push_back(thread.get_id());
  for (int i = 0; i < messages; ++i) t.publish(i);
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < readers; ++i) {
    EXPECT_EQ(next[i], messages);
    EXPECT_EQ(where[i], ids[i]);
  }
}

TEST(subscription_shutdown, waiting_on_a_context_that_goes_is_discarded_at_once) {
  struct late {
    asio::io_context& io;
    ap::topic<int> t;
    ~late() {
      const auto never = [](ap::error_code, auto&&) { ADD_FAILURE(); };
      auto r = t.subscribe(), c = t.subscribe();
      r.async_receive(asio::bind_executor(io.get_executor(), never));
      c.async_collect(2, 1h, asio::bind_executor(io.get_executor(), never));
    }
  };
  asio::io_context io;
  std::shared_ptr<late> words(new late{io, ap::topic<int>()});
  auto s = words->t.subscribe();
  s.async_receive(asio::bind_executor(io.get_executor(), [](ap::error_code, auto&&) {}));
  asio::post(io, [words] {});
  words.reset();
}

TEST(subscription_threads, a_batch_may_be_asked_for_on_another_thread) {
  asio::io_context io;
  auto work = asio::make_work_guard(io);
  std::thread runner([&] { io.run(); });
  const ap::topic<int> t;
  auto s = t.subscribe();
  int next = 1;
  for (int i = 1; i <= 2000; ++i) {
    t.publish(i);
    // The time is over at about the moment when the batch begins.
    const auto batch =
        s.async_collect(2, std::chrono::microseconds(1), asio::bind_executor(io, asio::use_future)).get();
    ASSERT_GE(batch.size(), 1u);
    for (const auto& m : batch) ASSERT_EQ(*m, next++);
  }
  work.reset();
  runner.join();
}

TEST(pipe, joins_a_source_to_a_sink) {
  asio::io_context io;
  numbers from, to;
  ap::topic<std::string> texts;
  from.publish(1);
  from.publish(22);
  from.close();
  struct coroutine {
    static asio::awaitable<void> run(numbers a, numbers b, ap::topic<std::string> c) {
      auto feed = a.subscribe(ap::position::oldest);
      co_await ap::pipe(feed, b);
      auto again = a.subscribe(ap::position::oldest);
      co_await ap::pipe(again, c, [](const ap::message<int>& m) { return std::to_string(*m); });
    }
  };
  asio::co_spawn(io, coroutine::run(from, to, texts), rethrow);
  io.run();
  EXPECT_EQ(to.stats().published, 2U);
  auto s = texts.subscribe(ap::position::oldest);
  ap::error_code ec;
  EXPECT_EQ(**s.try_receive(ec), "1");
  EXPECT_EQ(**s.try_receive(ec), "22");
}

TEST(pipe, ends_with_an_error_on_a_gap) {
  asio::io_context io;
  numbers from({.history = 1}), to;
  auto feed = from.subscribe();
  from.publish(1);
  from.publish(2);
  std::exception_ptr end;
  asio::co_spawn(io, ap::pipe(feed, to), [&](std::exception_ptr e) { end = e; });
  io.run();
  try {
    ASSERT_TRUE(end);
    std::rethrow_exception(end);
  } catch (const ap::system_error& e) {
    EXPECT_EQ(e.code(), ap::error::gap);
  }
}

} // namespace
