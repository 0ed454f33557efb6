// SPDX-License-Identifier: BSL-1.0
#include <antiphon/testing/virtual_time.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::testing::virtual_time;

TEST(virtual_time, stands_still_but_for_advance) {
  asio::io_context io;
  virtual_time time(io);
  const auto start = time.now();
  EXPECT_EQ(time.now(), start);
  time.settle();
  EXPECT_EQ(time.now(), start);
  time.advance(3h);
  EXPECT_EQ(time.now(), start + 3h);
  EXPECT_EQ(ap::detail::time_of(io.get_executor()).now(), start + 3h);
  time.advance(-1h);
  EXPECT_EQ(time.now(), start + 3h) << "it does not run backwards";
}

TEST(virtual_time, fires_everything_at_its_own_time_in_order) {
  asio::io_context io;
  virtual_time time(io);
  const auto start = time.now();
  std::vector<ap::duration> seen;
  const auto sleeper = [&](ap::duration first, ap::duration second) -> asio::awaitable<void> {
    co_await ap::sleep_for(first);
    seen.push_back(time.now() - start);
    co_await ap::sleep_for(second);
    seen.push_back(time.now() - start);
  };
  asio::co_spawn(io, sleeper(2s, 5s), [](std::exception_ptr) {});
  asio::co_spawn(io, sleeper(3s, 1s), [](std::exception_ptr) {});
  time.advance(1h);
  EXPECT_EQ(seen, (std::vector<ap::duration>{2s, 3s, 4s, 7s}));
}

TEST(virtual_time, what_is_due_exactly_at_the_end_is_included) {
  asio::io_context io;
  virtual_time time(io);
  int over = 0;
  ap::async_sleep_for(io.get_executor(), 1s, [&](ap::error_code) { ++over; });
  time.advance(1s - 1ns);
  EXPECT_EQ(over, 0);
  time.advance(1ns);
  EXPECT_EQ(over, 1);
}

TEST(virtual_time, sleeps_that_were_begun_in_real_time_go_along) {
  asio::io_context io;
  bool over = false;
  ap::async_sleep_for(io.get_executor(), 1h, [&](ap::error_code) { over = true; });
  io.poll();
  virtual_time time(io);
  time.advance(2h);
  EXPECT_TRUE(over);
}

TEST(virtual_time, outlives_the_object_and_can_be_taken_up_again) {
  asio::io_context io;
  int over = 0;
  ap::async_sleep_for(io.get_executor(), 2h, [&](ap::error_code) { ++over; });
  virtual_time(io).advance(1h);
  EXPECT_EQ(over, 0);
  virtual_time(io).advance(1h);
  EXPECT_EQ(over, 1);
}

TEST(virtual_time, an_exception_leaves_advance_which_may_be_called_again) {
  asio::io_context io;
  virtual_time time(io);
  bool later = false;
  ap::async_sleep_for(io.get_executor(), 1s, [](ap::error_code) { throw std::runtime_error("in a handler"); });
  ap::async_sleep_for(io.get_executor(), 2s, [&](ap::error_code) { later = true; });
  EXPECT_THROW(time.advance(1h), std::runtime_error);
  time.advance(1h);
  EXPECT_TRUE(later);
}

TEST(virtual_time, is_each_contexts_own) {
  asio::io_context a, b;
  virtual_time time_a(a), time_b(b);
  int over_b = 0;
  ap::async_sleep_for(b.get_executor(), 1s, [&](ap::error_code) { ++over_b; });
  time_a.advance(1h);
  EXPECT_EQ(over_b, 0);
  time_b.advance(1h);
  EXPECT_EQ(over_b, 1);
}

} // namespace
