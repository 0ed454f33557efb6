// SPDX-License-Identifier: BSL-1.0
// A topic_map used from several threads at once: publishers, readers of subjects and of patterns, and names that come
// and go.
#include <antiphon/pubsub/topic_map.hpp>

#include <asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using number_map = ap::topic_map<std::uint64_t>;

void rethrow(std::exception_ptr e) {
  if (e) std::rethrow_exception(e);
}

struct totals {
  std::uint64_t messages = 0, missed = 0, wrong = 0;
};

asio::awaitable<void> read_all(ap::filtered_topic<std::uint64_t> log, totals& into) {
  auto from = log.subscribe(ap::position::oldest, ap::on_gap::report);
  ap::event_id last;
  for (;;) {
    ap::delivery<std::uint64_t> d;
    try {
      d = co_await from.async_receive(asio::use_awaitable);
    } catch (const ap::system_error&) {
      co_return; // the end
    }
    d.visit(
        [&](const ap::message<std::uint64_t>& m) {
          ++into.messages;
          into.wrong += m.id() <= last;
          last = m.id();
        },
        [&](const ap::gap& g) {
          into.missed += *g.at_most;
          into.wrong += g.before <= last;
        },
        [&](ap::other_log) { ++into.wrong; });
  }
}

/// What the reader of everything has got and missed.
totals run(const ap::topic_map_options& options, std::uint64_t each) {
  const number_map m(options);
  constexpr std::size_t readers = 4, publishers = 3;
  asio::io_context first(1), second(1);
  std::vector<totals> found(2 * readers);
  for (std::size_t i = 0; i < readers; ++i) {
    const std::string subject = "s." + std::to_string(i);
    asio::co_spawn(first, read_all(m.match(i == 0 ? ">" : "s.*"), found[2 * i]), rethrow);
    asio::co_spawn(second, read_all(m.match(subject), found[2 * i + 1]), rethrow);
  }
  first.poll(); // they have begun
  second.poll();
  std::atomic<bool> over{false};
  std::vector<std::thread> threads, writers;
  threads.emplace_back([&] { first.run(); });
  threads.emplace_back([&] { second.run(); });
  threads.emplace_back([&] { // names that clients ask for, and subjects that nobody needs
    for (std::uint64_t n = 0; !over; ++n) {
      ap::error_code ec;
      const auto asked = m.open("asked." + std::to_string(n % 50), ec);
      auto s = m.match("s.*.>", ec).subscribe();
      asked.stats();
      m.stats();
    }
  });
  for (std::size_t p = 0; p < publishers; ++p)
    writers.emplace_back([&, p] {
      for (std::uint64_t n = 0; n < each; ++n) m.publish("s." + std::to_string((n + p) % readers), n);
    });
  for (auto& w : writers) w.join();
  m.close();
  over = true;
  for (auto& t : threads) t.join();
  for (const auto& f : found) EXPECT_EQ(f.wrong, 0U);
  EXPECT_EQ(m.stats().published, publishers * each);
  EXPECT_EQ(m.stats().readers, 0U);
  return found[0];
}

TEST(topic_map_race, with_enough_history_all_come) {
  const auto all = run({.history = 10'000}, 1000);
  EXPECT_EQ(all.messages, 3000U);
  EXPECT_EQ(all.missed, 0U);
}

TEST(topic_map_race, with_little_history_all_are_accounted_for) {
  const auto all = run({.history = 5, .total_bytes = 15 * 200}, 3000);
  EXPECT_EQ(all.messages + all.missed, 9000U);
}

} // namespace
