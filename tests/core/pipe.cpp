// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/pipe.hpp>
#include <antiphon/pubsub/topic.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;
using numbers = ap::topic<int>;

/// Yields 1, 2, … up to `last`, then `end`; can be moved only. Says when it has gone.
class counter {
 public:
  counter(int last, ap::error_code end, std::shared_ptr<int> witness = {})
      : last_(last), end_(end), witness_(std::move(witness)) {}
  counter(counter&&) = default;
  counter(const counter&) = delete;

  template <class Token>
  auto async_receive(Token&& token) {
    const bool over = next > last_;
    return asio::async_initiate<Token, void(ap::error_code, int)>(
        [](auto handler, ap::error_code ec, int value) {
          const auto executor = asio::get_associated_executor(handler);
          asio::post(executor, [h = std::move(handler), ec, value]() mutable { std::move(h)(ec, value); });
        },
        token, over ? end_ : ap::error_code(), over ? 0 : next++);
  }
  int next = 1;

 private:
  int last_;
  ap::error_code end_;
  std::shared_ptr<int> witness_;
};

/// Takes `most` values, then fails. What it has taken is seen from outside.
template <class T>
class taker {
 public:
  explicit taker(std::vector<T>& taken, std::size_t most = 1'000) : taken_(&taken), most_(most) {}
  taker(taker&&) = default;
  taker(const taker&) = delete;

  template <class Token>
  auto async_send(T value, Token&& token) {
    const bool full = taken_->size() == most_;
    if (!full) taken_->push_back(std::move(value));
    return asio::async_initiate<Token, void(ap::error_code, ap::event_id)>(
        [](auto handler, ap::error_code ec) {
          const auto executor = asio::get_associated_executor(handler);
          asio::post(executor, [h = std::move(handler), ec]() mutable { std::move(h)(ec, ap::event_id()); });
        },
        token, full ? ap::error_code(asio::error::no_buffer_space) : ap::error_code());
  }

 private:
  std::vector<T>* taken_;
  std::size_t most_;
};

struct pipe : testing::Test {
  asio::io_context io{1};
  std::vector<int> taken;
  std::optional<ap::error_code> end;
  asio::cancellation_signal stop;

  void start(asio::awaitable<void> piping) {
    asio::co_spawn(io, std::move(piping), asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr e) {
                     try {
                       end.emplace();
                       if (e) std::rethrow_exception(e);
                     } catch (const ap::system_error& error) {
                       end = error.code();
                     }
                   }));
  }
  void settle() {
    do io.restart();
    while (io.poll() != 0);
  }
  void run(asio::awaitable<void> piping) {
    start(std::move(piping));
    settle();
  }
};

TEST_F(pipe, ends_with_its_source) {
  run(ap::pipe(counter(3, asio::error::eof), taker<int>(taken)));
  EXPECT_EQ(end, ap::error_code());
  EXPECT_EQ(taken, (std::vector{1, 2, 3}));
}

TEST_F(pipe, ends_with_the_error_of_its_source) {
  run(ap::pipe(counter(2, asio::error::connection_reset), taker<int>(taken)));
  EXPECT_EQ(end, asio::error::connection_reset);
  EXPECT_EQ(taken, (std::vector{1, 2})) << "what came before it was sent";
}

TEST_F(pipe, ends_with_the_error_of_its_sink) {
  counter from(9, asio::error::eof);
  run(ap::pipe(from, taker<int>(taken, 2)));
  EXPECT_EQ(end, asio::error::no_buffer_space);
  EXPECT_EQ(taken, (std::vector{1, 2}));
  EXPECT_EQ(from.next, 4) << "one was read that could not be sent, and no more";
}

TEST_F(pipe, ends_when_its_sink_is_closed) {
  numbers to;
  to.close();
  run(ap::pipe(counter(9, asio::error::eof), to));
  EXPECT_EQ(end, ap::make_error_code(ap::error::closed));
}

TEST_F(pipe, borrows_what_has_a_name_and_keeps_what_has_none) {
  const auto witness = std::make_shared<int>();
  counter named(2, asio::error::eof, witness);
  taker<int> sink(taken);
  {
    auto piping = ap::pipe(named, sink);
    EXPECT_EQ(witness.use_count(), 2) << "it is not copied";
    run(std::move(piping));
    EXPECT_EQ(named.next, 3);
  }
  start(ap::pipe(counter(9, asio::error::eof, witness), taker<int>(taken)));
  EXPECT_EQ(witness.use_count(), 3);
  settle();
  EXPECT_EQ(witness.use_count(), 2);
  EXPECT_EQ(taken.size(), 11U);
}

TEST_F(pipe, makes_of_each_value_what_the_sink_takes) {
  std::vector<std::string> texts;
  const std::string unit = " of a unit that is long enough for the heap";
  const auto transform = [unit](const int& n) { return std::to_string(n) + unit; };
  run(ap::pipe(counter(2, asio::error::eof), taker<std::string>(texts), transform));
  EXPECT_EQ(end, ap::error_code());
  EXPECT_EQ(texts, (std::vector{"1" + unit, "2" + unit}));
}

TEST_F(pipe, ends_with_what_the_transform_throws) {
  const auto transform = [](const int& n) {
    if (n == 2) throw ap::system_error(asio::error::fault);
    return n;
  };
  run(ap::pipe(counter(3, asio::error::eof), taker<int>(taken), transform));
  EXPECT_EQ(end, asio::error::fault);
  EXPECT_EQ(taken, (std::vector{1}));
}

TEST_F(pipe, passes_on_what_messages_hold) {
  const numbers from;
  from.publish(4);
  from.close();
  run(ap::pipe(from.subscribe(ap::position::oldest), taker<int>(taken)));
  EXPECT_EQ(end, ap::error_code());
  EXPECT_EQ(taken, (std::vector{4}));
}

TEST_F(pipe, ends_at_a_gap_unless_its_subscription_skips) {
  const numbers from({.history = 2});
  auto fails = from.subscribe(), skips_not = from.subscribe();
  auto skips = from.subscribe(ap::position::now, ap::on_gap::skip);
  for (int i = 1; i <= 5; ++i) from.publish(i);
  from.close();
  run(ap::pipe(fails, taker<int>(taken)));
  EXPECT_EQ(end, ap::make_error_code(ap::error::gap));
  EXPECT_TRUE(taken.empty());
  run(ap::pipe(fails, taker<int>(taken))); // and the next one goes on
  EXPECT_EQ(end, ap::error_code());
  EXPECT_EQ(taken, (std::vector{4, 5}));
  taken.clear();
  run(ap::pipe(skips, taker<int>(taken)));
  EXPECT_EQ(end, ap::error_code());
  EXPECT_EQ(taken, (std::vector{4, 5}));
  EXPECT_EQ(skips.skipped(), 3U);
}

TEST_F(pipe, passes_on_gaps_as_values_where_they_are_reported) {
  const numbers from({.history = 1});
  auto reports = from.subscribe(ap::position::now, ap::on_gap::report);
  for (int i = 1; i <= 3; ++i) from.publish(i);
  from.close();
  const auto transform = [](const ap::delivery<int>& d) {
    return d.visit([](const ap::message<int>& m) { return *m; },
                   [](const ap::gap& g) { return -static_cast<int>(*g.at_most); }, [](ap::other_log) { return 0; });
  };
  run(ap::pipe(reports, taker<int>(taken), transform));
  EXPECT_EQ(end, ap::error_code());
  EXPECT_EQ(taken, (std::vector{-2, 3}));
}

TEST_F(pipe, is_cancelled_where_it_waits_and_has_read_nothing_then) {
  const numbers from;
  auto feed = from.subscribe();
  start(ap::pipe(feed, taker<int>(taken)));
  settle();
  from.publish(1);
  settle();
  asio::post(io, [&] { stop.emit(asio::cancellation_type::terminal); });
  settle();
  EXPECT_EQ(end, asio::error::operation_aborted);
  from.publish(2);
  ap::error_code ec;
  const auto next = feed.try_receive(ec);
  ASSERT_TRUE(next);
  EXPECT_EQ(**next, 2);
  EXPECT_EQ(taken, (std::vector{1}));
}

} // namespace
