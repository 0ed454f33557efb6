// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/detail/parked.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace {

namespace ap = antiphon;
using ap::detail::park;
using ap::detail::parked_base;

void settle(asio::io_context& io) {
  do io.restart();
  while (io.poll() != 0);
}

// An operation with a result that can be moved only.
class number_base : public parked_base {
 public:
  explicit number_base(int n) : number(std::make_unique<int>(n)) {}
  void cancel() { ++cancelled; }
  std::tuple<std::unique_ptr<int>> result() { return {std::move(number)}; }
  std::unique_ptr<int> number;
  int cancelled = 0;

 protected:
  ~number_base() = default;
};

TEST(parked, post_calls_the_handler_later_on_its_executor) {
  asio::io_context io, fallback;
  int got = 0;
  auto* const bound = park<number_base>(
      asio::bind_executor(io.get_executor(), [&](std::unique_ptr<int> n) { got += *n; }), fallback.get_executor(), 5);
  auto* const plain = park<number_base>([&](std::unique_ptr<int> n) { got += 10 * *n; }, fallback.get_executor(), 7);
  bound->post();
  plain->post();
  EXPECT_EQ(got, 0);
  settle(io);
  EXPECT_EQ(got, 5);
  settle(fallback);
  EXPECT_EQ(got, 75);
}

TEST(parked, arrive_calls_it_now_and_lets_an_exception_out) {
  asio::io_context io;
  const auto witness = std::make_shared<int>();
  auto* const op =
      park<number_base>([witness](std::unique_ptr<int>) { throw std::runtime_error("handler"); }, io.get_executor(), 1);
  EXPECT_THROW(op->arrive(), std::runtime_error);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(parked, destroy_calls_nobody_and_leaves_a_harmless_slot) {
  asio::io_context io;
  asio::cancellation_signal signal;
  const auto witness = std::make_shared<int>();
  auto* const op =
      park<number_base>(asio::bind_cancellation_slot(signal.slot(), [witness](std::unique_ptr<int>) { ADD_FAILURE(); }),
                        io.get_executor(), 1);
  op->destroy();
  EXPECT_EQ(witness.use_count(), 1);
  signal.emit(asio::cancellation_type::terminal);
}

TEST(parked, a_cancellation_between_post_and_arrival_meets_a_living_operation) {
  asio::io_context io;
  asio::cancellation_signal signal;
  int calls = 0;
  auto* const op = park<number_base>(
      asio::bind_cancellation_slot(signal.slot(), [&](std::unique_ptr<int>) { ++calls; }), io.get_executor(), 1);
  op->post();
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(op->cancelled, 1);
  signal.emit(asio::cancellation_type::none);
  EXPECT_EQ(op->cancelled, 1);
  settle(io);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(signal.slot().has_handler());
}

TEST(parked, a_slot_that_was_given_to_another_is_left_alone) {
  asio::io_context io;
  asio::cancellation_signal signal;
  auto* const op =
      park<number_base>(asio::bind_cancellation_slot(signal.slot(), [](std::unique_ptr<int>) {}), io.get_executor(), 1);
  bool other = false;
  signal.slot().assign([&](asio::cancellation_type) { other = true; });
  op->post();
  settle(io);
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_TRUE(other);
}

TEST(parked, is_outstanding_work_until_it_arrives) {
  asio::io_context io;
  auto* const op = park<number_base>([](std::unique_ptr<int>) {}, io.get_executor(), 1);
  io.poll();
  EXPECT_FALSE(io.stopped());
  op->post();
  io.run();
  EXPECT_TRUE(io.stopped());
}

TEST(parked, a_copy_that_throws_while_it_is_made_leaks_nothing) {
  class picky : public number_base {
   public:
    picky() : number_base(0) { throw std::runtime_error("picky"); }

   protected:
    ~picky() = default;
  };
  asio::io_context io;
  const auto witness = std::make_shared<int>();
  EXPECT_THROW(park<picky>([witness](std::unique_ptr<int>) {}, io.get_executor()), std::runtime_error);
  EXPECT_EQ(witness.use_count(), 1);
  io.poll();
  EXPECT_TRUE(io.stopped());
}

} // namespace
