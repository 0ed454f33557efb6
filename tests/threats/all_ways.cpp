// SPDX-License-Identifier: BSL-1.0
// Threat suite: one log is read in all ways at the same time, in the program and by clients of two servers, while
// several threads publish. Every reader has each message once, or is told how many it has missed.
// ANTIPHON_STRESS_SECONDS=60 for the long run.
#include "../support/wanderer.hpp"

#include <asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;
using t::texts;

constexpr int publishers = 3;

std::chrono::milliseconds length() {
  const char* text = std::getenv("ANTIPHON_STRESS_SECONDS");
  return std::chrono::milliseconds(text ? std::atoi(text) * 1000 : 2000) / 2; // two tests share it
}

/// Counts what a reader has and has missed; each publisher's messages come in its order.
class account {
 public:
  void take(const std::string& text) {
    ++messages;
    const auto number = std::stoll(text.substr(2));
    auto& next = next_[static_cast<std::size_t>(text[0] - '0')];
    wrong += number < next;
    next = number + 1;
  }
  void take(const ap::delivery<std::string>& d) {
    d.visit(
        [this](const ap::message<std::string>& m) {
          wrong += m.id().minor_part != last_ + 1;
          last_ = m.id().minor_part;
          take(*m);
        },
        [this](const ap::gap& g) {
          wrong += g.after.minor_part != last_ || g.at_most != g.before.minor_part - last_ - 1;
          last_ = g.before.minor_part - 1;
          missed += g.at_most.value_or(0);
        },
        [this](ap::other_log) { ++wrong; });
  }
  std::uint64_t messages = 0, missed = 0, wrong = 0;

 private:
  std::uint64_t last_ = 0;
  std::array<long long, publishers> next_{};
};

/// In the program: one message, a batch, or what is there; and now and then from a new subscription.
struct inner_reader {
  static asio::awaitable<void> run(texts news, unsigned seed, account& found) {
    std::minstd_rand random(seed);
    auto from = news.subscribe(ap::position::after({news.head().log, {}}), ap::on_gap::report);
    for (;;) {
      ap::error_code ec;
      switch (random() % 4) {
      case 0: from = news.subscribe(ap::position::after(from.at()), ap::on_gap::report); break;
      case 1:
        while (const auto d = from.try_receive(ec)) found.take(*d);
        break;
      case 2: {
        const auto wait = std::chrono::microseconds(random() % 500);
        auto [failed, all] = co_await from.async_collect(1 + random() % 40, wait, ap::detail::tuple_awaitable);
        for (const auto& d : all) found.take(d);
        ec = failed;
        break;
      }
      default: {
        auto [failed, d] = co_await from.async_receive(ap::detail::tuple_awaitable);
        if (!failed) found.take(d);
        ec = failed;
      }
      }
      if (ec == asio::error::eof) co_return;
      found.wrong += ec ? 1U : 0U;
    }
  }
};

/// How much all readers together have missed.
std::uint64_t round(std::size_t history, std::uint64_t each, unsigned seed) {
  const texts news({.history = history});
  const auto total = each * publishers;
  std::uint64_t missed = 0;
  std::vector<std::unique_ptr<account>> inner;
  std::vector<t::wanderer> clients;
  {
    t::live_server first(t::log_app(news)), second(t::log_app(news));
    asio::thread_pool pool(2);
    asio::io_context own(1);
    const auto add = [&](const asio::any_io_executor& ex) {
      auto& found = *inner.emplace_back(std::make_unique<account>());
      asio::co_spawn(ex, inner_reader::run(news, seed + static_cast<unsigned>(inner.size()), found),
                     [](std::exception_ptr e) {
                       if (e) std::rethrow_exception(e);
                     });
    };
    for (int i = 0; i < 2; ++i) {
      add(own.get_executor());
      add(asio::make_strand(pool));
      add(first.io().get_executor());
      add(second.io().get_executor());
    }
    for (unsigned i = 0; i < 4; ++i) clients.emplace_back(std::vector{first.port(), second.port()}, news, seed + i);
    std::vector<std::thread> threads, writers;
    threads.emplace_back([&] { own.run(); });
    for (auto& c : clients) threads.emplace_back([&c, total] { c.read(total); });
    for (int p = 0; p < publishers; ++p)
      writers.emplace_back([&news, p, each] {
        for (std::uint64_t i = 0; i < each; ++i) {
          news.publish(std::to_string(p) + "-" + std::to_string(i));
          if (i % 16 == 0) ::poll(nullptr, 0, 1);
        }
      });
    for (auto& w : writers) w.join();
    for (std::size_t i = 1; i < threads.size(); ++i) threads[i].join(); // a stream of a closed log says goodbye
    news.close();
    threads.front().join();
    pool.join();
    EXPECT_TRUE(t::eventually([&] { return news.stats().readers == 0; })) << news.stats().readers;
    EXPECT_TRUE(first.empties() && second.empties());
    EXPECT_EQ(news.view().log()->parked.load(), 0U);
  }
  for (const auto& found : inner) {
    EXPECT_EQ(found->wrong, 0U);
    EXPECT_EQ(found->messages + found->missed, total);
    missed += found->missed;
  }
  for (const auto& c : clients) {
    account found;
    for (const auto& text : c.seen) found.take(text);
    EXPECT_FALSE(c.other_log);
    EXPECT_EQ(found.wrong, 0U);
    EXPECT_EQ(found.messages + c.missed, total);
    missed += c.missed;
  }
  EXPECT_EQ(news.stats().published, total);
  return missed;
}

std::uint64_t rounds(std::size_t history) {
  std::uint64_t missed = 0;
  unsigned n = 0;
  const auto end = std::chrono::steady_clock::now() + length();
  do missed += round(history, 400, 100 * ++n);
  while (std::chrono::steady_clock::now() < end && !testing::Test::HasFailure());
  std::printf("%u rounds, %llu missed\n", n, static_cast<unsigned long long>(missed));
  return missed;
}

TEST(all_ways_at_once, with_a_large_history_all_come_once) { EXPECT_EQ(rounds(100'000), 0U); }

TEST(all_ways_at_once, with_a_short_history_what_is_missed_adds_up) {
  EXPECT_GT(rounds(16), 0U) << "the history was long enough for all: the test tests nothing";
}

} // namespace
