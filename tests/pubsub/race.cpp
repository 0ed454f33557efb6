// SPDX-License-Identifier: BSL-1.0
// Publishers on threads of their own, and readers on contexts and strands that change at random how they read.
#include <antiphon/core/time.hpp>
#include <antiphon/pubsub/topic.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;

constexpr std::size_t publishers = 3;

struct note {
  std::size_t publisher;
  std::uint64_t number; // from 1, without a hole
};

/// What a reader must find: all, in order, exactly once, or a gap of the right size in its place.
class account {
 public:
  void take(const ap::delivery<note>& d) {
    d.visit(
        [this](const ap::message<note>& m) {
          ++messages_;
          expect(m.id().minor_part == last_ + 1);
          last_ = m.id().minor_part;
          auto& newest = newest_[m->publisher];
          expect(m->number > newest);
          skipped_ += m->number - newest - 1;
          newest = m->number;
        },
        [this](const ap::gap& g) {
          ++gaps_;
          expect(g.after.minor_part == last_ && g.at_most == g.before.minor_part - last_ - 1 && *g.at_most > 0);
          missed_ += g.at_most.value_or(0);
          last_ = g.before.minor_part - 1;
        },
        [this](ap::other_log) { expect(false); });
  }
  void check(const ap::topic<note>& t, std::uint64_t each) const {
    EXPECT_EQ(wrong_, 0u);
    EXPECT_EQ(messages_ + missed_, t.stats().published);
    EXPECT_EQ(last_, t.head().id.minor_part);
    std::uint64_t never_came = skipped_;
    for (const auto newest : newest_) never_came += each - newest;
    EXPECT_EQ(never_came, missed_);
  }
  std::uint64_t gaps() const { return gaps_; }

 private:
  void expect(bool right) { wrong_ += !right; }
  std::uint64_t last_ = 0, messages_ = 0, missed_ = 0, gaps_ = 0, skipped_ = 0, wrong_ = 0;
  std::array<std::uint64_t, publishers> newest_{};
};

/// Reads to the end of the log, on one executor.
class changing_reader : public std::enable_shared_from_this<changing_reader> {
  using batch = std::vector<ap::delivery<note>>;

 public:
  changing_reader(ap::topic<note> t, asio::any_io_executor ex, unsigned seed, std::atomic<int>& left)
      : topic_(std::move(t)), ex_(std::move(ex)), random_(seed), left_(left) {}

  void begin() {
    asio::post(ex_, [self = shared_from_this()] { self->step(); });
  }
  account found;
  std::size_t cancelled = 0;

 private:
  template <class F>
  auto with_slot(F f) {
    return asio::bind_cancellation_slot(stop_.slot(), asio::bind_executor(ex_, std::move(f)));
  }
  void step() {
    switch (random_() % 8) {
    case 0: reader_ = topic_.subscribe(ap::position::after(reader_.at()), ap::on_gap::report); break;
    case 1: {
      ap::error_code ec;
      for (auto n = random_() % 50; n != 0; --n) {
        const auto d = reader_.try_receive(ec);
        if (!d) break;
        found.take(*d);
      }
      if (ec) return end(ec);
      break;
    }
    case 2:
    case 3:
      reader_.async_collect(1 + random_() % 40, std::chrono::microseconds(random_() % 300),
                            with_slot([self = shared_from_this()](ap::error_code ec, const batch& b) {
                              for (const auto& d : b) self->found.take(d);
                              self->next(ec);
                            }));
      return maybe_cancel();
    default:
      reader_.async_receive(with_slot([self = shared_from_this()](ap::error_code ec, const ap::delivery<note>& d) {
        if (!ec) self->found.take(d);
        self->next(ec);
      }));
      return maybe_cancel();
    }
    asio::post(ex_, [self = shared_from_this()] { self->step(); });
  }
  void maybe_cancel() {
    switch (random_() % 6) {
    case 0: stop_.emit(asio::cancellation_type::total); break;
    case 1:
      asio::post(ex_, [self = shared_from_this()] { self->stop_.emit(asio::cancellation_type::terminal); });
      break;
    default: break;
    }
  }
  void next(const ap::error_code& ec) {
    if (ec == asio::error::operation_aborted) {
      ++cancelled;
    } else if (ec) {
      return end(ec);
    }
    step();
  }
  void end(const ap::error_code& ec) {
    EXPECT_EQ(ec, asio::error::eof);
    --left_;
  }

  const ap::topic<note> topic_;
  const asio::any_io_executor ex_;
  std::minstd_rand random_;
  std::atomic<int>& left_;
  asio::cancellation_signal stop_;
  ap::subscription<note, ap::on_gap::report_type> reader_ =
      topic_.subscribe(ap::position::after({topic_.head().log, {}}), ap::on_gap::report);
};

/// How many gaps there were, of all readers together.
std::uint64_t run(std::size_t history, std::uint64_t each, std::chrono::milliseconds length) {
  const ap::topic<note> t({.history = history, .history_bytes = std::size_t{1} << 30});
  std::atomic<int> left{0};
  asio::io_context first(1), second(1);
  asio::thread_pool pool(2);
  std::vector<std::shared_ptr<changing_reader>> readers;
  const auto add = [&](const asio::any_io_executor& ex) {
    ++left;
    readers.push_back(std::make_shared<changing_reader>(t, ex, static_cast<unsigned>(readers.size() + 1), left));
    readers.back()->begin();
  };
  for (int i = 0; i < 3; ++i) {
    add(first.get_executor());
    add(second.get_executor());
    add(asio::make_strand(pool));
  }
  std::vector<std::thread> threads, writers;
  threads.emplace_back([&] { first.run(); });
  threads.emplace_back([&] { second.run(); });
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t p = 0; p < publishers; ++p)
    writers.emplace_back([&, p] {
      std::minstd_rand random(static_cast<unsigned>(100 + p));
      for (std::uint64_t n = 1; n <= each; ++n) {
        t.publish({p, n});
        // In bursts that are spread over the whole length: readers sometimes wait, and are sometimes overrun.
        if (random() % 64 == 0)
          while (std::chrono::steady_clock::now() - begin < length * n / each) std::this_thread::yield();
      }
    });
  for (auto& w : writers) w.join();
  t.close();
  for (auto& thread : threads) thread.join();
  pool.join();
  EXPECT_EQ(left, 0);
  EXPECT_EQ(t.stats().published, each * publishers);
  std::uint64_t gaps = 0, cancelled = 0;
  for (const auto& r : readers) {
    r->found.check(t, each);
    gaps += r->found.gaps();
    cancelled += r->cancelled;
  }
  EXPECT_GT(cancelled, 0u);
  return gaps;
}

TEST(subscription_race, with_a_large_history_all_come_once) { EXPECT_EQ(run(100'000, 4000, 1000ms), 0u); }

TEST(lagging_subscriber, is_told_exactly_what_it_missed) { EXPECT_GT(run(16, 10'000, 1000ms), 0u); }

} // namespace
