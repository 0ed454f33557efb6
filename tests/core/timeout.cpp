// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/timeout.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::testing::virtual_time;

const std::string long_text = "a text that is too long for the small string optimisation";

struct not_default {
  explicit not_default(std::string t) : text(std::move(t)) {}
  std::string text;
};

asio::awaitable<not_default> text_after(ap::duration length, std::string text) {
  co_await ap::sleep_for(length);
  co_return not_default(std::move(text));
}

struct timeout_test : ::testing::Test {
  asio::io_context io;
  virtual_time time{io};
  const ap::time_point start = time.now();

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

using with_timeout = timeout_test;

TEST_F(with_timeout, returns_what_comes_in_time) {
  const auto body = [&]() -> asio::awaitable<void> {
    const not_default result = co_await ap::with_timeout(2s, text_after(1s, long_text));
    EXPECT_EQ(result.text, long_text);
    EXPECT_EQ(time.now() - start, 1s);
    co_await ap::with_timeout(2s, ap::sleep_for(1s));
  };
  run(body);
  EXPECT_EQ(ap::detail::time_of(io.get_executor()).next(), ap::time_point::max()) << "no timer is left behind";
  EXPECT_TRUE(io.stopped());
}

TEST_F(with_timeout, throws_timed_out_when_the_time_is_up) {
  const auto body = [&]() -> asio::awaitable<void> {
    std::optional<ap::error_code> end;
    try {
      co_await ap::with_timeout(2s, text_after(1h, long_text));
    } catch (const ap::system_error& e) {
      end = e.code();
    }
    EXPECT_EQ(end, asio::error::timed_out);
    EXPECT_EQ(time.now() - start, 2s);
    co_await ap::sleep_for(1s); // the caller is not cancelled
  };
  run(body);
}

TEST_F(with_timeout, no_time_at_all_still_lets_it_begin) {
  bool began = false;
  const auto inner = [&]() -> asio::awaitable<int> {
    began = true;
    co_return 5;
  };
  const auto body = [&]() -> asio::awaitable<void> {
    const int at_once = co_await ap::with_timeout(0s, inner());
    EXPECT_EQ(at_once, 5);
    bool timed_out = false;
    try {
      co_await ap::with_timeout(-1s, ap::sleep_for(1ns));
    } catch (const ap::system_error& e) {
      timed_out = e.code() == asio::error::timed_out;
    }
    EXPECT_TRUE(timed_out);
  };
  run(body);
  EXPECT_TRUE(began);
}

TEST_F(with_timeout, all_the_time_in_the_world) {
  const auto body = [&]() -> asio::awaitable<void> {
    co_await ap::with_timeout(ap::duration::max(), ap::sleep_for(1h));
  };
  run(body);
}

TEST_F(with_timeout, waits_until_the_coroutine_is_over) {
  bool cleaned_up = false;
  const auto inner = [&]() -> asio::awaitable<void> {
    std::exception_ptr cancelled;
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error&) {
      cancelled = std::current_exception();
    }
    co_await asio::this_coro::reset_cancellation_state();
    co_await ap::sleep_for(3s);
    cleaned_up = true;
    std::rethrow_exception(cancelled);
  };
  const auto body = [&]() -> asio::awaitable<void> {
    bool timed_out = false;
    try {
      co_await ap::with_timeout(1s, inner());
    } catch (const ap::system_error& e) {
      timed_out = e.code() == asio::error::timed_out;
    }
    EXPECT_TRUE(timed_out);
    EXPECT_TRUE(cleaned_up);
    EXPECT_EQ(time.now() - start, 4s);
  };
  run(body);
}

TEST_F(with_timeout, a_coroutine_that_finishes_all_the_same_keeps_its_result) {
  const auto inner = [&]() -> asio::awaitable<std::string> {
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error&) {}
    co_return long_text;
  };
  const auto body = [&]() -> asio::awaitable<void> {
    const std::string result = co_await ap::with_timeout(1s, inner());
    EXPECT_EQ(result, long_text);
  };
  run(body);
}

TEST_F(with_timeout, what_it_throws_is_rethrown) {
  const auto inner = []() -> asio::awaitable<void> {
    co_await ap::sleep_for(1s);
    throw std::runtime_error("inner");
  };
  const auto body = [&]() -> asio::awaitable<void> { co_await ap::with_timeout(2s, inner()); };
  EXPECT_THROW(run(body), std::runtime_error);
  // Aborted by itself, in time: not a time-out.
  const auto aborts = []() -> asio::awaitable<void> {
    co_await ap::sleep_for(1s);
    throw ap::system_error(ap::error_code(asio::error::operation_aborted));
  };
  std::optional<ap::error_code> end;
  const auto other = [&]() -> asio::awaitable<void> {
    try {
      co_await ap::with_timeout(2s, aborts());
    } catch (const ap::system_error& e) {
      end = e.code();
    }
  };
  run(other);
  EXPECT_EQ(end, asio::error::operation_aborted);
}

TEST_F(with_timeout, the_inner_of_two_times_out_first_or_the_outer_does) {
  const auto inner = [](ap::duration length) -> asio::awaitable<void> {
    co_await ap::with_timeout(length, ap::sleep_for(1h));
  };
  const auto body = [&]() -> asio::awaitable<void> {
    for (const ap::duration length : {ap::duration(1s), ap::duration(30s)}) {
      const auto begin = time.now();
      std::optional<ap::error_code> end;
      try {
        co_await ap::with_timeout(10s, inner(length));
      } catch (const ap::system_error& e) {
        end = e.code();
      }
      EXPECT_EQ(end, asio::error::timed_out);
      EXPECT_EQ(time.now() - begin, std::min<ap::duration>(length, 10s));
    }
  };
  run(body);
}

TEST_F(with_timeout, is_cancelled_from_outside) {
  const auto body = [&]() -> asio::awaitable<void> { co_await ap::with_timeout(1h, ap::sleep_for(2h)); };
  asio::cancellation_signal signal;
  std::optional<ap::error_code> end;
  asio::co_spawn(io, body, asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                   try {
                     if (e) std::rethrow_exception(e);
                   } catch (const ap::system_error& error) {
                     end = error.code();
                   }
                 }));
  time.advance(1s);
  signal.emit(asio::cancellation_type::terminal);
  time.advance(0s);
  EXPECT_EQ(end, asio::error::operation_aborted);
  EXPECT_TRUE(io.stopped());
}

TEST(timeout_shutdown, a_context_takes_it_along) {
  const auto witness = std::make_shared<int>();
  {
    asio::io_context io;
    const auto inner = [](std::shared_ptr<int>) -> asio::awaitable<void> { co_await ap::sleep_for(1h); };
    const auto body = [&](std::shared_ptr<int> mine) -> asio::awaitable<void> {
      co_await ap::with_timeout(1h, inner(mine));
    };
    asio::co_spawn(io, body(witness), [](std::exception_ptr) {});
    asio::co_spawn(asio::make_strand(io), body(witness), [](std::exception_ptr) {});
    io.poll();
    io.poll();
    EXPECT_EQ(witness.use_count(), 5);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(timeout_shutdown, also_when_it_has_just_timed_out) {
  const auto witness = std::make_shared<int>();
  {
    asio::io_context io;
    auto& time = ap::detail::time_of(io.get_executor());
    time.manual();
    const auto inner = [](std::shared_ptr<int>) -> asio::awaitable<void> { co_await ap::sleep_for(1h); };
    asio::co_spawn(io, ap::with_timeout(1s, inner(witness)), [](std::exception_ptr) {});
    io.poll();
    io.poll();
    time.advance_to(time.now() + 1s); // posted, and never run
  }
  EXPECT_EQ(witness.use_count(), 1);
}

asio::awaitable<void> spin(std::atomic<int>& over, int i) {
  for (int round = 0; round < 20; ++round) {
    const int n = i + round;
    try {
      co_await ap::with_timeout(std::chrono::microseconds(n % 30), ap::sleep_for(std::chrono::microseconds(n % 37)));
    } catch (const ap::system_error& e) {
      EXPECT_EQ(e.code(), asio::error::timed_out);
    }
  }
  ++over;
}

TEST(timeout_threads, on_a_pool_without_strands) {
  asio::thread_pool pool(4);
  std::atomic<int> over{0};
  for (int i = 0; i < 50; ++i) asio::co_spawn(pool, spin(over, i), [](std::exception_ptr e) { EXPECT_FALSE(e); });
  pool.join();
  EXPECT_EQ(over, 50);
}

} // namespace
