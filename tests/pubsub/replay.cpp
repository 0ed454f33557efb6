// SPDX-License-Identifier: BSL-1.0
// From what is kept to what comes: messages are published within every call that a reader makes of the program's code,
// and each comes exactly once, or is part of a gap of the right size.
#include <antiphon/pubsub/topic.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using number_log = ap::topic<std::uint64_t>;

/// What a reader has had, checked as it comes: every chosen id exactly once, in order, or within a gap.
class account {
 public:
  account(std::uint64_t from, bool even) : first_(from), last_(from), even_(even) {}

  void take(const ap::delivery<std::uint64_t>& d) {
    d.visit(
        [this](const ap::message<std::uint64_t>& m) {
          const auto id = m.id().minor_part;
          EXPECT_EQ(id, next_chosen()) << "none is left out, none comes twice";
          last_ = id;
          ++messages_;
        },
        [this](const ap::gap& g) {
          EXPECT_GE(g.after.minor_part, last_);
          EXPECT_LT(g.after.minor_part, next_chosen()) << "what was read is up to there";
          EXPECT_EQ(g.at_most, g.before.minor_part - g.after.minor_part - 1);
          EXPECT_GT(g.at_most, 0U);
          missed_ += g.at_most.value_or(0);
          last_ = g.before.minor_part - 1;
        },
        [](ap::other_log) { ADD_FAILURE() << "it is the same log"; });
  }
  void end(const number_log& t) const {
    const auto published = t.stats().published;
    EXPECT_GT(next_chosen(), published) << "all that was chosen has come";
    if (!even_) {
      EXPECT_EQ(messages_ + missed_, published - first_);
    }
  }
  std::uint64_t missed() const { return missed_; }

 private:
  std::uint64_t next_chosen() const { return even_ ? last_ + 2 - last_ % 2 : last_ + 1; }
  const std::uint64_t first_;
  std::uint64_t last_, messages_ = 0, missed_ = 0;
  const bool even_;
};

enum class way : unsigned char { at_once, receive, collect };

/// Reads until there is nothing, or with async operations until the log is closed.
class reader {
 public:
  reader(asio::io_context& io, ap::subscription<std::uint64_t, ap::on_gap::report_type> from, account& found, way how)
      : io_(io), from_(std::move(from)), found_(found), how_(how) {}

  void drain() {
    ap::error_code ec;
    while (const auto d = from_.try_receive(ec)) found_.take(*d);
    EXPECT_TRUE(!ec || ec == asio::error::eof) << ec.message();
    over = ec == asio::error::eof;
  }
  void start() {
    if (how_ == way::receive) {
      from_.async_receive(
          asio::bind_executor(io_, [this](const ap::error_code& ec, const ap::delivery<std::uint64_t>& d) {
            if (!ec) found_.take(d);
            next(ec);
          }));
    } else if (how_ == way::collect) {
      from_.async_collect(3, 0s,
                          asio::bind_executor(io_, [this](const ap::error_code& ec,
                                                          const std::vector<ap::delivery<std::uint64_t>>& all) {
                            for (const auto& d : all) found_.take(d);
                            next(ec);
                          }));
    }
  }
  bool over = false;

 private:
  void next(const ap::error_code& ec) {
    EXPECT_TRUE(!ec || ec == asio::error::eof) << ec.message();
    if (ec) {
      over = true;
    } else {
      start();
    }
  }
  asio::io_context& io_;
  ap::subscription<std::uint64_t, ap::on_gap::report_type> from_;
  account& found_;
  const way how_;
};

struct start {
  ap::position from;
  std::uint64_t before; ///< the id before the first that it should get
};
/// All places to start at, in a log of ids up to `newest` that keeps those behind `dropped`.
std::vector<start> starts(const number_log& t, std::uint64_t dropped) {
  const auto newest = t.stats().published;
  const auto now = std::chrono::system_clock::now();
  std::vector<start> all{{ap::position::oldest, dropped},
                         {ap::position::now, newest},
                         {ap::position::since(now - 24h), dropped},
                         {ap::position::since(now + 24h), newest}};
  for (std::uint64_t id = 0; id <= newest; ++id) all.push_back({ap::position::after({t.head().log, {0, id}}), id});
  return all;
}
constexpr std::size_t start_count = 4 + 11;

/// One run: `burst` messages are published within the call number `call` of the predicate.
std::uint64_t replay(std::size_t which, bool latest, way how, std::size_t history, bool even, int call, int burst) {
  asio::io_context io{1};
  const number_log t({.history = history});
  std::uint64_t next = 1;
  const auto publish = [&](int n) {
    for (; n > 0; --n) t.publish(next++);
  };
  int calls = 0;
  const auto chosen = t.filtered("some", [&](const std::uint64_t& value) {
    if (calls++ == call) publish(burst);
    return !even || value % 2 == 0;
  });
  publish(10);
  const auto dropped = t.stats().dropped;
  const auto [from, before] = latest ? start{ap::position::latest, 9} : starts(t, dropped)[which];
  account found(before, even);
  reader r(io, chosen.subscribe(from, ap::on_gap::report), found, how);
  const auto settle = [&] {
    if (how == way::at_once) r.drain();
    io.restart();
    io.poll();
  };
  r.start();
  for (int i = 0; i < 6; ++i) { // and it goes on live
    settle();
    publish(i % 3);
  }
  settle();
  publish(2);
  t.close();
  settle();
  EXPECT_TRUE(r.over);
  found.end(t);
  return found.missed();
}

class replay_to_live : public testing::TestWithParam<std::tuple<way, bool>> {
 protected:
  /// All starts and all steps; how many were missed.
  std::uint64_t everywhere(std::size_t history, const std::vector<int>& bursts) {
    const auto [how, even] = GetParam();
    std::uint64_t missed = 0;
    for (const int burst : bursts)
      for (int call = 0; call < 24; ++call)
        for (std::size_t which = 0; which <= start_count; ++which) {
          missed += replay(which, which == start_count, how, history, even, call, burst);
          if (HasFailure()) {
            ADD_FAILURE() << "start " << which << ", call " << call << ", burst " << burst;
            return missed;
          }
        }
    return missed;
  }
};

TEST_P(replay_to_live, brings_each_message_once_where_all_is_kept) { EXPECT_EQ(everywhere(1'000, {1, 3, 100}), 0U); }

TEST_P(replay_to_live, tells_of_each_message_that_is_not_kept) { EXPECT_GT(everywhere(4, {1, 3, 20}), 0U); }

INSTANTIATE_TEST_SUITE_P(ways, replay_to_live,
                         testing::Combine(testing::Values(way::at_once, way::receive, way::collect), testing::Bool()));

TEST(replay_with_keys, a_key_function_may_publish) {
  for (int call = 0; call < 8; ++call) {
    const number_log* log = nullptr;
    int calls = 0;
    const number_log t({.history = 100}, [&](const std::uint64_t& value) {
      if (calls++ == call) log->publish(1'000);
      return std::to_string(value % 3);
    });
    log = &t;
    auto s = t.subscribe(ap::position::now, ap::on_gap::report);
    account found(0, false);
    ap::error_code ec;
    for (std::uint64_t i = 1; i <= 8; ++i) {
      t.publish(i);
      while (const auto d = s.try_receive(ec)) found.take(*d);
    }
    found.end(t);
    EXPECT_EQ(t.stats().published, 9U);
  }
}

TEST(position_since, is_the_place_of_a_time) {
  // Two clocks are compared, and this thread may be held up between them: once in a few times it is exact.
  bool exact = false;
  for (int attempt = 0; attempt < 10 && !exact; ++attempt) {
    const number_log t;
    const auto pass = [] {
      for (const auto end = std::chrono::steady_clock::now() + 1ms; std::chrono::steady_clock::now() < end;) {}
    };
    for (std::uint64_t i = 1; i <= 3; ++i) t.publish(i);
    pass();
    const auto middle = std::chrono::system_clock::now();
    pass();
    for (std::uint64_t i = 4; i <= 6; ++i) t.publish(i);
    ap::error_code ec;
    const auto first = t.subscribe(ap::position::since(middle)).try_receive(ec);
    exact = first && **first == 4;
  }
  EXPECT_TRUE(exact);
}

// --- Where readers come back ----------------------------------------------------------------------------------------

using list = std::vector<std::string>;

/// All that there is, by async_receive: messages, "gap N", "other", and the errors; at last "nothing" or "eof".
template <class Log, class Gaps>
list resumed(const Log& log, const ap::position& from, Gaps gaps) {
  asio::io_context io{1};
  auto s = log.subscribe(from, gaps);
  list out;
  for (;;) {
    bool done = false;
    ap::error_code ec;
    typename decltype(s)::value_type value;
    asio::cancellation_signal stop;
    s.async_receive(asio::bind_cancellation_slot(
        stop.slot(), asio::bind_executor(io, [&](ap::error_code e, typename decltype(s)::value_type v) {
          done = true;
          ec = e;
          value = std::move(v);
        })));
    io.restart();
    io.poll();
    if (!done) {
      stop.emit(asio::cancellation_type::terminal);
      io.restart();
      io.poll();
      out.push_back("nothing");
      break;
    }
    if (ec == asio::error::eof) {
      out.push_back("eof");
      break;
    }
    if (ec) {
      out.push_back(ec == ap::error::gap ? "gap" : ec == ap::error::other_log ? "other" : ec.message());
    } else if constexpr (std::is_same_v<Gaps, ap::on_gap::report_type>) {
      value.visit([&](const ap::message<std::uint64_t>& m) { out.push_back(std::to_string(*m)); },
                  [&](const ap::gap& g) { out.push_back("gap " + std::to_string(*g.at_most)); },
                  [&](ap::other_log) { out.push_back("other"); });
    } else {
      out.push_back(std::to_string(*value));
    }
  }
  if constexpr (std::is_same_v<Gaps, ap::on_gap::skip_type>) {
    if (s.skipped() != 0) out.push_back("skipped " + std::to_string(s.skipped()));
  }
  EXPECT_TRUE(s.lag() == 0);
  return out;
}

/// `told`: "", "gap N" or "other", before the rest.
void expect_resumed(const number_log& t, const ap::position& from, const std::string& told, const list& rest) {
  const auto with = [&](const std::string& first, const std::string& last) {
    list all;
    if (!first.empty()) all.push_back(first);
    all.insert(all.end(), rest.begin(), rest.end());
    if (!last.empty()) all.push_back(last);
    return all;
  };
  const bool gap = told.starts_with("gap");
  EXPECT_EQ(resumed(t, from, ap::on_gap::report), with(told, ""));
  EXPECT_EQ(resumed(t, from, ap::on_gap::fail), with(gap ? "gap" : told, ""));
  EXPECT_EQ(resumed(t, from, ap::on_gap::skip), with("", gap ? "skipped " + told.substr(4) : ""));
  // A choice of everything is no different.
  const auto all = t.filtered("all", [](const std::uint64_t&) { return true; });
  EXPECT_EQ(resumed(all, from, ap::on_gap::report), with(told, ""));
}

TEST(resumed, after_each_kind_of_cursor) {
  const number_log t({.history = 3});
  const auto of_the_empty_log = t.head();
  EXPECT_EQ(of_the_empty_log.id, ap::event_id());
  expect_resumed(t, ap::position::after(of_the_empty_log), "", {"nothing"});
  expect_resumed(t, ap::position::after({of_the_empty_log.log, {0, 1}}), "other", {"nothing"});
  for (std::uint64_t i = 1; i <= 9; ++i) t.publish(i);
  const auto log = t.head().log;
  const auto after = [](std::uint64_t l, std::uint64_t a, std::uint64_t b) { return ap::position::after({l, {a, b}}); };
  expect_resumed(t, ap::position::after(of_the_empty_log), "gap 6", {"7", "8", "9", "nothing"});
  expect_resumed(t, after(log, 0, 9), "", {"nothing"});
  expect_resumed(t, after(log, 0, 7), "", {"8", "9", "nothing"});
  expect_resumed(t, after(log, 0, 6), "", {"7", "8", "9", "nothing"});
  expect_resumed(t, after(log, 0, 5), "gap 1", {"7", "8", "9", "nothing"});
  const list kept{"7", "8", "9", "nothing"};
  expect_resumed(t, after(log, 0, 10), "other", kept); // from the future
  expect_resumed(t, after(log, 0, ~std::uint64_t{0}), "other", kept);
  expect_resumed(t, after(log, 1, 5), "other", kept); // forged
  expect_resumed(t, after(log, ~std::uint64_t{0}, ~std::uint64_t{0}), "other", kept);
  expect_resumed(t, after(log + 1, 0, 8), "other", kept); // another log's
  expect_resumed(t, ap::position::after({}), "other", kept);
}

TEST(resumed, in_a_closed_log) {
  const number_log t({.history = 3}), empty;
  for (std::uint64_t i = 1; i <= 5; ++i) t.publish(i);
  t.close();
  empty.close();
  const auto log = t.head().log;
  expect_resumed(t, ap::position::after(t.head()), "", {"eof"});
  expect_resumed(t, ap::position::after({log, {0, 4}}), "", {"5", "eof"});
  expect_resumed(t, ap::position::after({log, {0, 1}}), "gap 1", {"3", "4", "5", "eof"});
  expect_resumed(t, ap::position::after({log, {0, 6}}), "other", {"3", "4", "5", "eof"});
  expect_resumed(t, ap::position::after(empty.head()), "other", {"3", "4", "5", "eof"});
  expect_resumed(t, ap::position::now, "", {"eof"});
  expect_resumed(t, ap::position::latest, "", {"5", "eof"});
  expect_resumed(empty, ap::position::oldest, "", {"eof"});
  expect_resumed(empty, ap::position::after(t.head()), "other", {"eof"});
}

TEST(resumed, by_time_and_at_the_ends) {
  const number_log t({.history = 3}), empty;
  const auto now = std::chrono::system_clock::now();
  for (const auto& from : {ap::position::latest, ap::position::oldest, ap::position::now, ap::position::since(now - 1h),
                           ap::position::since(now + 1h)})
    expect_resumed(empty, from, "", {"nothing"});
  for (std::uint64_t i = 1; i <= 5; ++i) t.publish(i);
  expect_resumed(t, ap::position::since(now - 1h), "", {"3", "4", "5", "nothing"});
  expect_resumed(t, ap::position::since(now + 1h), "", {"nothing"});
  expect_resumed(t, ap::position::since({}), "", {"3", "4", "5", "nothing"});
  expect_resumed(t, ap::position::since(std::chrono::system_clock::time_point::min()), "", {"3", "4", "5", "nothing"});
  expect_resumed(t, ap::position::since(std::chrono::system_clock::time_point::max()), "", {"nothing"});
  expect_resumed(t, ap::position::latest, "", {"5", "nothing"});
  expect_resumed(t, ap::position::oldest, "", {"3", "4", "5", "nothing"});
  auto s = empty.subscribe(ap::position::latest);
  empty.publish(1);
  ap::error_code ec;
  EXPECT_TRUE(s.try_receive(ec)) << "the newest of none is what comes first";
}

} // namespace
