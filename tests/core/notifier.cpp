// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/notifier.hpp>

#include <asio/use_future.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;

void settle(asio::io_context& io) {
  do io.restart();
  while (io.poll() != 0);
}

struct bell final : ap::waiter {
  ~bell() { leave(); }
  void wake() override {
    ++woken;
    if (on_wake) on_wake();
  }
  void discard() noexcept override { ++discarded; }
  int woken = 0;
  int discarded = 0;
  std::function<void()> on_wake;
};

const auto ignore = [](std::exception_ptr) {};

struct notifier_test : ::testing::Test {
  asio::io_context io;
  ap::notifier n;
  asio::any_io_executor ex = io.get_executor();
};

TEST_F(notifier_test, wakes_those_who_wait_once_and_never_inside) {
  bell a, b, none;
  n.join(ex, a);
  n.join(ex, b);
  n.notify_all();
  n.notify_all();
  EXPECT_EQ(a.woken, 0);
  settle(io);
  EXPECT_EQ(a.woken, 1);
  EXPECT_EQ(b.woken, 1);
  EXPECT_EQ(none.woken, 0);
  n.notify_all();
  settle(io);
  EXPECT_EQ(a.woken, 1) << "it has not joined again";
}

TEST_F(notifier_test, wakes_in_the_order_of_joining) {
  std::vector<int> order;
  std::deque<bell> bells(5);
  for (int i = 0; i < 5; ++i) {
    bells[static_cast<std::size_t>(i)].on_wake = [&order, i] { order.push_back(i); };
    n.join(ex, bells[static_cast<std::size_t>(i)]);
  }
  n.notify_all();
  settle(io);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(notifier_test, who_joins_again_in_wake_waits_for_the_next_one) {
  bell a;
  a.on_wake = [&] { n.join(ex, a); };
  n.join(ex, a);
  for (int i = 1; i <= 3; ++i) {
    n.notify_all();
    settle(io);
    EXPECT_EQ(a.woken, i);
  }
}

TEST_F(notifier_test, a_notification_within_a_pass_is_not_lost) {
  bell a, b;
  b.on_wake = [&] {
    if (b.woken == 1) {
      n.join(ex, b);
      n.notify_all();
    }
  };
  n.join(ex, a);
  n.join(ex, b);
  n.notify_all();
  settle(io);
  EXPECT_EQ(a.woken, 1);
  EXPECT_EQ(b.woken, 2);
}

TEST_F(notifier_test, who_leaves_is_not_woken) {
  bell a, b, c;
  EXPECT_FALSE(a.leave());
  n.join(ex, a);
  n.join(ex, b);
  n.join(ex, c);
  EXPECT_TRUE(b.leave());
  EXPECT_FALSE(b.leave());
  a.on_wake = [&] { EXPECT_TRUE(c.leave()) << "one that this pass has not reached yet"; };
  n.notify_all();
  settle(io);
  EXPECT_EQ(a.woken, 1);
  EXPECT_EQ(b.woken, 0);
  EXPECT_EQ(c.woken, 0);
}

TEST_F(notifier_test, a_waiter_may_be_destroyed_while_it_waits) {
  auto a = std::make_unique<bell>();
  auto b = std::make_unique<bell>();
  a->on_wake = [&] { b.reset(); };
  n.join(ex, *a);
  n.join(ex, *b);
  n.notify_all();
  settle(io);
  EXPECT_FALSE(b);
  EXPECT_EQ(a->woken, 1);
}

TEST_F(notifier_test, a_waiter_may_end_itself_when_it_is_woken) {
  auto a = std::make_unique<bell>();
  a->on_wake = [&] { auto gone = std::move(a); };
  n.join(ex, *a);
  n.notify_all();
  settle(io);
  EXPECT_FALSE(a);
}

TEST_F(notifier_test, others_get_their_turn_after_256) {
  std::deque<bell> bells(1000);
  for (auto& b : bells) n.join(ex, b);
  const auto woken = [&] {
    int all = 0;
    for (const auto& b : bells) all += b.woken;
    return all;
  };
  n.notify_all();
  std::vector<int> seen;
  const std::function<void()> turn = [&] {
    seen.push_back(woken());
    if (seen.size() < 5) asio::post(io, turn);
  };
  asio::post(io, turn);
  settle(io);
  EXPECT_EQ(seen, (std::vector<int>{256, 512, 768, 1000, 1000}));
}

TEST_F(notifier_test, one_pass_an_executor) {
  // Every pass is one handler: count them.
  std::deque<bell> bells(200);
  for (auto& b : bells) n.join(ex, b);
  for (int i = 0; i < 10; ++i) n.notify_all();
  EXPECT_EQ(io.poll(), 1u);
}

TEST_F(notifier_test, groups_are_by_executor) {
  asio::io_context other;
  const asio::any_io_executor strand = asio::make_strand(io);
  bell a, b, c;
  bool in_strand = false;
  b.on_wake = [&] {
    in_strand = strand.target<asio::strand<asio::io_context::executor_type>>()->running_in_this_thread();
  };
  n.join(ex, a);
  n.join(strand, b);
  n.join(other.get_executor(), c);
  n.notify_all();
  settle(io);
  EXPECT_EQ(a.woken, 1);
  EXPECT_EQ(b.woken, 1);
  EXPECT_TRUE(in_strand);
  EXPECT_EQ(c.woken, 0);
  settle(other);
  EXPECT_EQ(c.woken, 1);
}

TEST_F(notifier_test, counts_notifications) {
  EXPECT_EQ(n.count(), 0u);
  n.notify_all();
  const ap::notifier copy = n;
  copy.notify_all();
  EXPECT_EQ(n.count(), 2u) << "a copy is the same notifier";
}

TEST_F(notifier_test, a_wait_since_a_count_sees_what_came_between) {
  const auto seen = n.count();
  n.notify_all();
  std::optional<ap::error_code> end;
  n.async_wait(seen, asio::bind_executor(ex, [&](ap::error_code ec) { end = ec; }));
  EXPECT_FALSE(end);
  settle(io);
  EXPECT_EQ(end, ap::error_code());
  end.reset();
  n.async_wait(n.count(), asio::bind_executor(ex, [&](ap::error_code ec) { end = ec; }));
  settle(io);
  EXPECT_FALSE(end);
  n.notify_all();
  settle(io);
  EXPECT_EQ(end, ap::error_code());
}

TEST_F(notifier_test, coroutines_wait_in_a_loop) {
  int rounds = 0;
  const auto reader = [&]() -> asio::awaitable<void> {
    while (rounds < 300) {
      co_await n.async_wait(asio::use_awaitable);
      ++rounds;
    }
  };
  asio::co_spawn(io, reader, ignore);
  for (int i = 1; i <= 300; ++i) {
    settle(io);
    n.notify_all();
    settle(io);
    ASSERT_EQ(rounds, i);
  }
  EXPECT_TRUE(io.stopped());
}

TEST_F(notifier_test, a_handler_that_throws_does_not_cost_the_others_their_wake_up) {
  int woken = 0;
  for (int i = 0; i < 5; ++i)
    n.async_wait(asio::bind_executor(ex, [&, i](ap::error_code) {
      ++woken;
      if (i == 2) throw i;
    }));
  n.notify_all();
  EXPECT_THROW(settle(io), int);
  settle(io);
  EXPECT_EQ(woken, 5);
  bell again;
  n.join(ex, again);
  n.notify_all();
  settle(io);
  EXPECT_EQ(again.woken, 1);
}

TEST_F(notifier_test, waits_end_when_the_last_handle_is_gone) {
  std::optional<ap::error_code> end;
  {
    ap::notifier mine;
    mine.async_wait(asio::bind_executor(ex, [&](ap::error_code ec) { end = ec; }));
    settle(io);
  }
  EXPECT_FALSE(end);
  settle(io);
  EXPECT_EQ(end, asio::error::operation_aborted);
}

TEST_F(notifier_test, a_notification_right_before_the_last_handle_goes_is_delivered) {
  std::optional<ap::error_code> end;
  {
    ap::notifier mine;
    mine.async_wait(asio::bind_executor(ex, [&](ap::error_code ec) { end = ec; }));
    mine.notify_all();
  }
  settle(io);
  EXPECT_EQ(end, ap::error_code());
}

TEST_F(notifier_test, a_reader_may_hold_the_last_handle) {
  const auto witness = std::make_shared<int>();
  const auto reader = [](ap::notifier mine, std::shared_ptr<int>) -> asio::awaitable<void> {
    co_await mine.async_wait(asio::use_awaitable);
  };
  auto mine = std::make_optional<ap::notifier>();
  asio::co_spawn(io, reader(*mine, witness), ignore);
  settle(io);
  mine->notify_all();
  mine.reset();
  settle(io);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(notifier_shutdown, a_context_takes_along_what_waits_on_it) {
  const auto witness = std::make_shared<int>();
  ap::notifier n;
  bell waiting, in_a_pass;
  {
    asio::io_context io;
    const auto reader = [](ap::notifier mine, std::shared_ptr<int>) -> asio::awaitable<void> {
      co_await mine.async_wait(asio::use_awaitable);
    };
    for (int i = 0; i < 10; ++i) {
      asio::co_spawn(io, reader(n, witness), ignore);
      asio::co_spawn(asio::make_strand(io), reader(n, witness), ignore);
      // Owned by nobody but its own reader: the ring that only the context can break.
      asio::co_spawn(io, reader(ap::notifier(), witness), ignore);
    }
    n.join(io.get_executor(), waiting);
    settle(io);
    n.notify_all();
  }
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(waiting.woken, 0);
  EXPECT_EQ(waiting.discarded, 1);
  n.notify_all(); // the groups of the dead context are stepped over
  asio::io_context next;
  bell again;
  n.join(next.get_executor(), again);
  n.notify_all();
  settle(next);
  EXPECT_EQ(again.woken, 1);
}

TEST(notifier_shutdown, waiting_on_a_context_that_goes_is_discarded_at_once) {
  struct late {
    asio::io_context& io;
    ap::notifier n;
    ~late() {
      n.async_wait(asio::bind_executor(io.get_executor(), [](ap::error_code) { ADD_FAILURE(); }));
      n.notify_all();
    }
  };
  asio::io_context io;
  std::shared_ptr<late> words(new late{io, {}});
  words->n.async_wait(asio::bind_executor(io.get_executor(), [](ap::error_code) {}));
  asio::post(io, [words] {});
  words.reset();
}

TEST(notifier_shutdown, a_waiter_may_outlive_context_and_notifier) {
  bell b;
  {
    asio::io_context io;
    ap::notifier n;
    n.join(asio::make_strand(io), b);
  }
  EXPECT_FALSE(b.leave());
}

// Not bounded by anything but the executors that wait: those who have gone leave nothing behind.
TEST(notifier_groups, are_dropped_when_nobody_waits_any_more) {
  asio::io_context io;
  const auto groups = std::make_shared<ap::detail::waiter_groups>();
  bell b;
  for (int i = 0; i < 1000; ++i) {
    groups->join(asio::make_strand(io), b, nullptr);
    ASSERT_TRUE(b.leave());
  }
  // Or per-connection strands would pile up.
  EXPECT_EQ(groups->size(), 0u);
  groups->join(io.get_executor(), b, nullptr);
  groups->notify_all();
  settle(io);
  EXPECT_EQ(groups->size(), 1u) << "kept for a lone reader that comes back";
  groups->notify_all();
  settle(io);
  EXPECT_EQ(groups->size(), 0u);
}

TEST(notifier_threads, many_publishers_and_readers_on_many_contexts) {
  constexpr int readers = 4, coroutines = 50, publishers = 3, messages = 2000;
  std::atomic<int> published{0};
  const ap::notifier n;
  std::deque<asio::io_context> contexts(readers);
  std::atomic<int> finished{0};
  const auto reader = [&]() -> asio::awaitable<void> {
    // Ends only if no notification is lost.
    for (auto seen = n.count(); published.load() < publishers * messages; seen = n.count()) {
      if (published.load() >= publishers * messages) break;
      co_await n.async_wait(seen, asio::use_awaitable);
    }
    ++finished;
  };
  for (auto& io : contexts)
    for (int i = 0; i < coroutines; ++i) asio::co_spawn(io, reader, ignore);
  std::vector<std::thread> threads;
  for (auto& io : contexts) threads.emplace_back([&io] { io.run(); });
  for (int p = 0; p < publishers; ++p)
    threads.emplace_back([&] {
      for (int i = 0; i < messages; ++i) {
        ++published;
        n.notify_all();
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(finished, readers * coroutines);
}

TEST(notifier_threads, a_pool_of_strands_with_cancellations) {
  asio::thread_pool pool(4);
  const ap::notifier n;
  std::atomic<int> ended{0};
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) {
    const auto strand = asio::make_strand(pool);
    auto signal = std::make_shared<asio::cancellation_signal>();
    asio::post(strand, [=, &ended] {
      n.async_wait(
          asio::bind_executor(strand, asio::bind_cancellation_slot(signal->slot(), [=, &ended](ap::error_code ec) {
                                EXPECT_TRUE(!ec || ec == asio::error::operation_aborted);
                                EXPECT_FALSE(signal->slot().has_handler());
                                ++ended;
                              })));
      asio::post(strand, [signal] { signal->emit(asio::cancellation_type::terminal); });
    });
    asio::post(pool, [n] { n.notify_all(); });
  }
  pool.join();
  EXPECT_EQ(ended, count);
}

TEST(notifier_threads, contexts_are_destroyed_while_others_publish) {
  const ap::notifier n;
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    while (!stop) n.notify_all();
  });
  const auto reader = [](ap::notifier mine) -> asio::awaitable<void> {
    while (true) co_await mine.async_wait(asio::use_awaitable);
  };
  for (int i = 0; i < 200; ++i) {
    asio::io_context io;
    for (int k = 0; k < 3; ++k) asio::co_spawn(io, reader(n), ignore);
    asio::co_spawn(asio::make_strand(io), reader(n), ignore);
    for (int k = 0; k < 20; ++k) io.poll_one();
  }
  stop = true;
  publisher.join();
}

} // namespace
