// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/offload.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/core/timeout.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <asio/use_future.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;

const std::string long_text = "a text that is too long for the small string optimisation";

struct not_default {
  explicit not_default(std::string t) : text(std::move(t)) {}
  not_default(not_default&&) = default;
  std::string text;
};

void run_on(asio::io_context& io) {
  do io.restart();
  while (io.poll() != 0);
}

// The pool is a context whose turn the test decides.
struct offload_test : ::testing::Test {
  asio::io_context io;
  asio::io_context pool;

  template <class F>
  std::optional<std::exception_ptr>& start(F& body) {
    end.reset();
    asio::co_spawn(io, body, asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr e) { end = e; }));
    run_on(io);
    return end;
  }
  asio::cancellation_signal signal;
  std::optional<std::exception_ptr> end;
};

using offload = offload_test;

TEST(offload_on_a_pool, runs_there_and_comes_back) {
  asio::thread_pool pool(2);
  asio::io_context io;
  const auto here = std::this_thread::get_id();
  const auto body = [&]() -> asio::awaitable<std::string> {
    const std::string captured = long_text;
    std::thread::id there;
    const auto blocking = [captured, &there] {
      there = std::this_thread::get_id();
      return not_default(captured);
    };
    const not_default result = co_await ap::offload(pool, blocking);
    EXPECT_NE(there, here);
    EXPECT_EQ(std::this_thread::get_id(), here);
    co_return result.text;
  };
  auto result = asio::co_spawn(io, body, asio::use_future);
  io.run(); // does not return earlier: the wait is outstanding work
  EXPECT_EQ(result.get(), long_text);
}

TEST(offload_on_a_pool, many_at_once) {
  asio::thread_pool pool(3);
  asio::io_context io;
  int sum = 0;
  for (int i = 0; i < 200; ++i) {
    const auto body = [&, i]() -> asio::awaitable<void> {
      const auto twice = [i] { return 2 * i; };
      sum += co_await ap::offload(pool.get_executor(), twice);
    };
    asio::co_spawn(io, body, [](std::exception_ptr e) { EXPECT_FALSE(e); });
  }
  io.run();
  EXPECT_EQ(sum, 199 * 200);
}

TEST_F(offload, void_functions_and_exceptions) {
  int calls = 0;
  const auto body = [&]() -> asio::awaitable<void> {
    co_await ap::offload(pool, [&calls] { ++calls; });
    co_await ap::offload(pool, [] { throw std::runtime_error("blocked and failed"); });
  };
  start(body);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(end);
    run_on(pool);
    EXPECT_EQ(calls, 1);
    run_on(io);
  }
  ASSERT_TRUE(end);
  EXPECT_THROW(std::rethrow_exception(*end), std::runtime_error);
}

TEST_F(offload, takes_the_function_over) {
  const auto witness = std::make_shared<int>(21);
  const auto body = [&]() -> asio::awaitable<void> {
    const auto f = [witness] { return *witness * 2; };
    const int copied = co_await ap::offload(pool, f);
    EXPECT_EQ(copied, 42);
    auto owner = std::make_unique<int>(4);
    auto moved_only = [owner = std::move(owner)] { return *owner; };
    auto job = ap::offload(pool, std::ref(moved_only)); // stays here
    const int referred = co_await std::move(job);
    EXPECT_EQ(referred, 4);
  };
  start(body);
  EXPECT_EQ(witness.use_count(), 3);
  run_on(pool);
  EXPECT_EQ(witness.use_count(), 2) << "destroyed on the pool, when it has run";
  run_on(io);
  run_on(pool);
  run_on(io);
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(offload, is_given_up_before_it_began) {
  bool ran = false;
  const auto witness = std::make_shared<int>();
  const auto body = [&]() -> asio::awaitable<void> {
    const auto f = [&ran, witness] { ran = true; };
    co_await ap::offload(pool, f);
  };
  start(body);
  signal.emit(asio::cancellation_type::terminal);
  run_on(io);
  ASSERT_TRUE(end);
  EXPECT_THROW(std::rethrow_exception(*end), ap::system_error);
  EXPECT_EQ(witness.use_count(), 1) << "what the function holds is let go at once";
  run_on(pool);
  EXPECT_FALSE(ran);
}

TEST_F(offload, once_begun_is_awaited) {
  bool finished = false;
  const auto body = [&]() -> asio::awaitable<void> {
    const auto f = [&] {
      signal.emit(asio::cancellation_type::terminal); // comes while it runs
      run_on(io);
      EXPECT_FALSE(end);
      finished = true;
      return 1;
    };
    const int result = co_await ap::offload(pool, f);
    EXPECT_EQ(result, 1);
  };
  start(body);
  run_on(pool);
  EXPECT_TRUE(finished);
  run_on(io);
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST_F(offload, within_a_timeout) {
  ap::testing::virtual_time time(io);
  std::optional<ap::error_code> code;
  const auto body = [&]() -> asio::awaitable<void> {
    try {
      co_await ap::with_timeout(1s, ap::offload(pool, [] { return 1; }));
    } catch (const ap::system_error& e) {
      code = e.code();
    }
  };
  asio::co_spawn(io, body, [](std::exception_ptr) {});
  time.advance(2s); // the pool has no thread free
  EXPECT_EQ(code, asio::error::timed_out);
}

TEST_F(offload, a_pool_that_goes_first_ends_the_wait) {
  std::optional<std::exception_ptr> ended;
  {
    asio::io_context gone;
    ap::async_offload(
        gone.get_executor(), [] { return 1; },
        asio::bind_executor(io.get_executor(), [&](std::exception_ptr e, int) { ended = e; }));
  }
  run_on(io);
  ASSERT_TRUE(ended);
  EXPECT_THROW(std::rethrow_exception(*ended), ap::system_error);
}

TEST_F(offload, a_context_that_goes_first_is_not_touched_any_more) {
  const auto witness = std::make_shared<int>();
  bool ran = false;
  {
    asio::io_context gone;
    const auto body = [&](std::shared_ptr<int>) -> asio::awaitable<void> {
      co_await ap::offload(pool, [&ran] { ran = true; });
    };
    asio::co_spawn(gone, body(witness), [](std::exception_ptr) { ADD_FAILURE(); });
    run_on(gone);
  }
  EXPECT_EQ(witness.use_count(), 1);
  run_on(pool);
  EXPECT_FALSE(ran);
}

TEST(offload_on_a_pool, a_context_that_goes_while_the_function_runs) {
  asio::thread_pool pool(1);
  std::promise<void> began, gone;
  const auto witness = std::make_shared<int>();
  const auto blocking = [&] {
    began.set_value();
    gone.get_future().wait();
  };
  {
    asio::io_context io;
    ap::async_offload(pool, std::ref(blocking),
                      asio::bind_executor(io.get_executor(), [witness](std::exception_ptr) { ADD_FAILURE(); }));
    began.get_future().wait();
  }
  EXPECT_EQ(witness.use_count(), 1);
  gone.set_value();
  pool.join();
}

TEST(offload_on_a_pool, contexts_go_while_functions_end) {
  asio::thread_pool pool(3);
  for (int i = 0; i < 300; ++i) {
    asio::io_context io;
    for (int k = 0; k < 4; ++k)
      ap::async_offload(
          pool, [] {}, asio::bind_executor(io.get_executor(), [](std::exception_ptr) {}));
    if (i % 2 == 0) io.poll();
  }
  pool.join();
}

TEST(offload_on_a_pool, cancelled_while_it_begins) {
  asio::thread_pool pool(2);
  asio::io_context io;
  int ended = 0;
  for (int i = 0; i < 300; ++i) {
    auto signal = std::make_shared<asio::cancellation_signal>();
    ap::async_offload(
        pool, [] { return 3; },
        asio::bind_executor(io.get_executor(),
                            asio::bind_cancellation_slot(signal->slot(), [&, signal](std::exception_ptr e, int n) {
                              EXPECT_EQ(n, e ? 0 : 3);
                              ++ended;
                            })));
    asio::post(io, [signal] { signal->emit(asio::cancellation_type::partial); });
  }
  io.run();
  EXPECT_EQ(ended, 300);
}

} // namespace
