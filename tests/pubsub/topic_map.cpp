// SPDX-License-Identifier: BSL-1.0
#include <antiphon/pubsub/topic_map.hpp>
#include <antiphon/testing/virtual_time.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using text_map = ap::topic_map<std::string>;
using list = std::vector<std::string>;

/// All that can be read without waiting: "subject message", "gap N", "other", at last "eof" or an error.
template <class Gaps>
list rest(ap::subscription<std::string, Gaps>& s) {
  list out;
  ap::error_code ec;
  while (auto d = s.try_receive(ec))
    d->visit([&](const ap::message<std::string>& m) { out.push_back(std::string(m.subject()) + " " + *m); },
             [&](const ap::gap& g) { out.push_back("gap " + std::to_string(*g.at_most)); },
             [&](ap::other_log) { out.push_back("other"); });
  if (ec) out.push_back(ec == asio::error::eof ? "eof" : ec.message());
  return out;
}
template <class Log>
list all_of(const Log& log, const ap::position& from = ap::position::oldest) {
  auto s = log.subscribe(from, ap::on_gap::report);
  return rest(s);
}
ap::position after(const text_map& m, std::uint64_t id) { return ap::position::after({m.head().log, {0, id}}); }

TEST(topic_map, subjects_share_one_log_and_one_order) {
  text_map m;
  const auto a = m.open("a"), b = m.open("b");
  EXPECT_EQ(a.publish("1"), (ap::event_id{0, 1}));
  EXPECT_EQ(b.publish("2"), (ap::event_id{0, 2}));
  EXPECT_EQ(m.publish("a", "3"), (ap::event_id{0, 3}));
  EXPECT_EQ(all_of(a), (list{"a 1", "a 3"}));
  EXPECT_EQ(all_of(b), (list{"b 2"}));
  EXPECT_EQ(all_of(m), (list{"a 1", "b 2", "a 3"}));
  EXPECT_EQ(a.head(), b.head());
  EXPECT_EQ(a.head(), m.head());
  EXPECT_EQ(all_of(a, after(m, 1)), (list{"a 3"})) << "the cursor of one is a cursor of all";
  EXPECT_EQ(all_of(b, after(m, 3)), list());
}

TEST(topic_map, patterns_are_read_as_one_log) {
  text_map m;
  for (const char* s : {"orders.eu.created", "orders.eu.paid", "orders.us.created", "stock.eu", "orders.eu.created"})
    m.publish(s, "x");
  EXPECT_EQ(all_of(m.match("orders.*.created")).size(), 3U);
  EXPECT_EQ(all_of(m.match("orders.>")).size(), 4U);
  EXPECT_EQ(all_of(m.match("orders.eu.*")).size(), 3U);
  EXPECT_EQ(all_of(m.match("stock.eu")), (list{"stock.eu x"}));
  EXPECT_EQ(all_of(m.match(">")).size(), 5U);
  EXPECT_EQ(all_of(m.match("*")), list());
  auto s = m.match("*.eu").subscribe(ap::position::oldest, ap::on_gap::report);
  EXPECT_EQ(rest(s), (list{"stock.eu x"}));
  m.publish("new.eu", "y"); // matches as well, and did not exist
  EXPECT_EQ(rest(s), (list{"new.eu y"}));
  m.publish("new.us", "z");
  EXPECT_EQ(rest(s), list());
  EXPECT_EQ(s.at(), m.head()) << "the place moves on behind what does not match";
}

TEST(topic_map, names_of_clients_are_not_trusted) {
  text_map m;
  ap::error_code ec;
  for (const char* bad : {"", ".", "a.", "a..b", "*", "a.>", "a b", "a\r\nb"}) {
    const auto none = m.open(bad, ec);
    EXPECT_EQ(ec, ap::error::bad_subject) << bad;
    EXPECT_EQ(none.publish("x"), ap::event_id());
    EXPECT_EQ(all_of(none), (list{"eof"}));
    EXPECT_EQ(m.publish(bad, "x", ec), ap::event_id());
    EXPECT_EQ(ec, ap::error::bad_subject);
    EXPECT_THROW(m.open(bad), ap::system_error);
    EXPECT_THROW(m.publish(bad, "x"), ap::system_error);
  }
  EXPECT_EQ(m.size(), 0U);
  EXPECT_EQ(all_of(m.match("a.>.b", ec)), (list{"eof"}));
  EXPECT_EQ(ec, ap::error::bad_pattern);
  EXPECT_THROW(m.match(""), ap::system_error);
  m.match("a.*", ec);
  EXPECT_FALSE(ec);
}

TEST(topic_map, each_subject_has_its_own_history) {
  text_map m({.history = 2, .history_bytes = 5});
  const auto a = m.open("a"), b = m.open("b");
  for (const char* t : {"1", "2", "3"}) a.publish(t);
  b.publish("b");
  EXPECT_EQ(all_of(a), (list{"a 2", "a 3"}));
  EXPECT_EQ(all_of(b), (list{"b b"}));
  a.publish("12345");
  EXPECT_EQ(all_of(a), (list{"a 12345"}));
  a.publish("123456");
  EXPECT_EQ(all_of(a), list()) << "heavier than all the history";
  EXPECT_EQ(all_of(m), (list{"b b"})) << "who begins has missed nothing";
  EXPECT_EQ(a.stats().published, 5U);
  EXPECT_EQ(a.stats().dropped, 5U);
  EXPECT_EQ(a.stats().kept, 0U);
  EXPECT_EQ(b.stats().kept_bytes, 1U);
  EXPECT_EQ(m.stats().published, 6U);
  EXPECT_EQ(m.stats().kept, 1U);
}

TEST(topic_map, gaps_are_told_where_they_are) {
  text_map m({.history = 1});
  m.publish("a", "1");
  m.publish("b", "2");
  m.publish("a", "3"); // 1 goes
  m.publish("c", "4");
  m.publish("a", "5"); // 3 goes
  EXPECT_EQ(all_of(m, after(m, 0)), (list{"gap 1", "b 2", "gap 1", "c 4", "a 5"}));
  EXPECT_EQ(all_of(m.match("a"), after(m, 0)), (list{"gap 2", "a 5"}));
  EXPECT_EQ(all_of(m.open("a"), after(m, 0)), (list{"gap 2", "a 5"}));
  EXPECT_EQ(all_of(m.open("a"), after(m, 2)), (list{"gap 1", "a 5"}));
  EXPECT_EQ(all_of(m.open("b"), after(m, 0)), (list{"b 2"})) << "others' losses are not its own";
  EXPECT_EQ(all_of(m.match("b"), after(m, 0)), (list{"b 2"}));
  EXPECT_EQ(all_of(m.match("b"), after(m, 2)), list());
  EXPECT_EQ(all_of(m, ap::position::oldest), (list{"b 2", "c 4", "a 5"})) << "who asks for what is kept misses nothing";
}

TEST(topic_map, who_begins_with_the_oldest_and_is_overrun_is_told) {
  text_map m({.history = 2});
  for (const char* t : {"1", "2", "3"}) m.publish("a", t);
  m.publish("b", "4");
  auto s = m.match(">").subscribe(ap::position::oldest, ap::on_gap::report);
  m.publish("a", "5"); // 2 goes, which it was to read; 1 had gone before
  EXPECT_EQ(rest(s), (list{"gap 1", "a 3", "b 4", "a 5"}));
}

TEST(topic_map, the_newest_of_each_subject_for_who_comes_late) {
  text_map m;
  for (const char* t : {"1", "2", "3"})
    for (const char* s : {"a", "b"}) m.publish(s, t);
  m.publish("c", "1");
  EXPECT_EQ(all_of(m.open("a"), ap::position::latest), (list{"a 3"}));
  EXPECT_EQ(all_of(m, ap::position::latest), (list{"a 3", "b 3", "c 1"}));
  EXPECT_EQ(all_of(m.match("b"), ap::position::latest), (list{"b 3"}));
  EXPECT_EQ(all_of(m.match("none"), ap::position::latest), list());
  auto s = m.match("*").subscribe(ap::position::latest, ap::on_gap::report);
  m.publish("a", "4");
  m.publish("a", "5"); // what comes after it began comes whole
  EXPECT_EQ(rest(s), (list{"b 3", "c 1", "a 4", "a 5"}));
  m.publish("a", "6");
  m.publish("a", "7");
  EXPECT_EQ(rest(s), (list{"a 6", "a 7"}));
  EXPECT_EQ(all_of(text_map(), ap::position::latest), list());
}

TEST(topic_map, since_a_time) {
  text_map m;
  const auto t = m.open("a");
  t.publish("1");
  m.publish("b", "2");
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(all_of(t, ap::position::since(now - 1h)), (list{"a 1"}));
  EXPECT_EQ(all_of(t, ap::position::since(now + 1h)), list());
  EXPECT_EQ(all_of(m, ap::position::since(now - 1h)), (list{"a 1", "b 2"}));
  EXPECT_EQ(all_of(m, ap::position::since(now + 1h)), list());
}

TEST(topic_map, a_choice_within_a_subject_or_a_pattern) {
  text_map m;
  for (const char* t : {"1", "22", "3", "44"})
    for (const char* s : {"a.x", "a.y", "b"}) m.publish(s, t);
  const auto longer = [](const std::string& t) { return t.size() > 1; };
  EXPECT_EQ(all_of(m.open("b").filtered("longer", longer)), (list{"b 22", "b 44"}));
  EXPECT_EQ(all_of(m.open("b").filtered("longer", longer), ap::position::latest), (list{"b 44"}));
  EXPECT_EQ(all_of(m.match("a.*").filtered("longer", longer)), (list{"a.x 22", "a.y 22", "a.x 44", "a.y 44"}));
  const auto both =
      m.match("a.*").filtered("longer", longer).filtered("4", [](const std::string& t) { return t[0] == '4'; });
  EXPECT_EQ(all_of(both), (list{"a.x 44", "a.y 44"}));
  EXPECT_EQ(all_of(both, ap::position::latest), (list{"a.x 44", "a.y 44"}));
}

TEST(topic_map, is_bounded_in_subjects) {
  text_map m({.subjects = 3});
  ap::error_code ec;
  for (const char* s : {"a", "b", "c"}) m.publish(s, "x");
  m.publish("d", "x", ec);
  EXPECT_EQ(ec, ap::error::too_many_subjects);
  for (int i = 0; i < 300; ++i) m.open(std::to_string(i), ec);
  EXPECT_EQ(ec, ap::error::too_many_subjects);
  EXPECT_EQ(m.size(), 3U);
  m.publish("a", "y", ec);
  EXPECT_FALSE(ec);

  text_map forgets({.subjects = 3, .full = ap::full_map::forget_oldest});
  const auto kept = forgets.open("a");
  for (const char* s : {"b", "c", "d"}) forgets.publish(s, "x");
  EXPECT_EQ(all_of(forgets), (list{"c x", "d x"})) << "b was used longest ago: a has a handle";
  const auto c = forgets.open("c"), d = forgets.open("d");
  forgets.open("e", ec);
  EXPECT_EQ(ec, ap::error::too_many_subjects) << "all have handles";
}

TEST(topic_map, a_subject_without_messages_and_handles_is_gone_at_once) {
  text_map m;
  m.open("a");
  EXPECT_EQ(m.size(), 0U);
  {
    const auto a = m.open("a");
    const auto copy = a;
    EXPECT_EQ(m.size(), 1U);
  }
  EXPECT_EQ(m.size(), 0U);
  auto s = m.open("a").subscribe(ap::position::now, ap::on_gap::report);
  EXPECT_EQ(m.size(), 1U) << "it has a reader";
  m.publish("a", "x");
  EXPECT_EQ(rest(s), (list{"a x"}));
}

TEST(topic_map, is_bounded_in_all) {
  text_map m({.total_bytes = 10 * (192 + 100)});
  for (int i = 0; i < 50; ++i) m.publish("s" + std::to_string(i % 25), std::string(100, 'x'));
  EXPECT_EQ(m.stats().kept, 10U);
  EXPECT_EQ(m.stats().kept_bytes, 1000U);
  EXPECT_EQ(m.size(), 10U) << "subjects whose messages have gone are gone too";
  const auto read = all_of(m);
  ASSERT_EQ(read.size(), 10U);
  EXPECT_EQ(read.front().substr(0, 4), "s15 ") << "the oldest go";
  // That s3 had a message behind 10 is not known any more; that it may have had is told.
  EXPECT_EQ(all_of(m.open("s3"), after(m, 10)), (list{"gap 30"}));
  EXPECT_EQ(all_of(m.match("s3"), after(m, 10)), (list{"gap 30"}));
  m.publish("s3", "y");
  EXPECT_EQ(all_of(m.match("s3"), after(m, 45)), (list{"s3 y"}));
  text_map empty({.total_bytes = 0});
  empty.publish("a", "x");
  EXPECT_EQ(empty.stats().kept, 0U);
}

TEST(topic_map, forgets_idle_subjects) {
  text_map m({.idle = 1ns});
  const auto kept = m.open("kept");
  kept.publish("x");
  m.publish("idle", "y");
  auto s = m.subscribe(ap::position::oldest, ap::on_gap::report);
  const auto now = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() <= now) {}
  kept.publish("z");
  EXPECT_EQ(m.size(), 1U);
  EXPECT_EQ(rest(s), (list{"kept x", "gap 1", "kept z"}));
  EXPECT_EQ(all_of(m.open("idle"), after(m, 1)), (list{"gap 1"})) << "who comes back is told";
  EXPECT_EQ(all_of(m.open("idle"), after(m, 2)), list());
  text_map patient({.idle = 1h});
  patient.publish("a", "x");
  patient.publish("b", "x");
  EXPECT_EQ(patient.size(), 2U);
  text_map never({.idle = 0ns});
  never.publish("a", "x");
  never.publish("b", "x");
  EXPECT_EQ(never.size(), 2U);
}

TEST(topic_map, forgets_what_is_too_old) {
  text_map m({.max_age = 1ns});
  m.publish("a", "old");
  auto s = m.subscribe(ap::position::now, ap::on_gap::report);
  const auto now = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() <= now) {}
  EXPECT_EQ(all_of(m, after(m, 0)), (list{"gap 1"}));
  EXPECT_EQ(m.stats().kept, 0U);
  EXPECT_EQ(m.size(), 0U);
}

TEST(topic_map, a_subject_is_closed_by_itself) {
  text_map m;
  const auto a = m.open("a"), b = m.open("b");
  a.publish("1");
  auto everything = m.subscribe(ap::position::oldest, ap::on_gap::report);
  a.close();
  EXPECT_EQ(a.publish("2"), ap::event_id());
  EXPECT_EQ(m.open("a").publish("2"), ap::event_id());
  EXPECT_EQ(all_of(a), (list{"a 1", "eof"}));
  b.publish("3");
  EXPECT_EQ(rest(everything), (list{"a 1", "b 3"}));
  m.close();
  EXPECT_EQ(b.publish("4"), ap::event_id());
  EXPECT_EQ(rest(everything), (list{"eof"}));
  EXPECT_EQ(all_of(b), (list{"b 3", "eof"}));
}

TEST(topic_map, counts_the_readers_of_a_subject) {
  text_map m;
  const auto a = m.open("a");
  auto one = a.subscribe(), two = m.open("a").subscribe();
  auto other = m.match("a").subscribe();
  a.publish("x");
  m.publish("b", "y");
  EXPECT_EQ(a.stats().readers, 2U);
  EXPECT_EQ(a.stats().slowest_lag, 1U);
  EXPECT_EQ(one.lag(), 1U);
  EXPECT_EQ(m.stats().readers, 3U);
  EXPECT_EQ(other.lag(), 2U) << "of the log";
}

TEST(topic_map, readers_outlive_the_map) {
  auto m = std::make_unique<text_map>();
  auto s = m->match("*").subscribe(ap::position::oldest, ap::on_gap::report);
  const auto t = m->open("a");
  t.publish("1");
  m.reset();
  t.publish("2");
  EXPECT_EQ(rest(s), (list{"a 1", "a 2"}));
}

TEST(topic_map, a_message_outlives_all) {
  ap::message<std::string> kept;
  {
    text_map m;
    auto s = m.open("a.b").subscribe();
    m.publish("a.b", "text");
    ap::error_code ec;
    kept = *s.try_receive(ec);
  }
  EXPECT_EQ(kept.subject(), "a.b");
  EXPECT_EQ(*kept, "text");
}

struct waiting {
  bool done = false;
  std::string value;
  auto handler(asio::io_context& io) {
    return asio::bind_executor(io.get_executor(), [this](ap::error_code, const ap::message<std::string>& m) {
      done = true;
      if (m) value = *m;
    });
  }
};

TEST(topic_map, wakes_whom_it_concerns_and_nobody_else) {
  asio::io_context io;
  text_map m;
  auto a = m.open("x.a").subscribe(), b = m.open("x.b").subscribe();
  auto any = m.match("x.*").subscribe(), other = m.match("y.>").subscribe();
  waiting at_a, at_b, at_any, at_other;
  a.async_receive(at_a.handler(io));
  b.async_receive(at_b.handler(io));
  any.async_receive(at_any.handler(io));
  other.async_receive(at_other.handler(io));
  const auto settle = [&] {
    io.restart();
    return io.poll();
  };
  settle();
  m.publish("x.a", "1");
  settle();
  EXPECT_EQ(at_a.value, "1");
  EXPECT_EQ(at_any.value, "1");
  EXPECT_FALSE(at_b.done || at_other.done);
  m.publish("z", "2");
  EXPECT_EQ(settle(), 0U) << "nothing is posted for nobody";
  m.publish("y.z", "3");
  settle();
  EXPECT_EQ(at_other.value, "3");
  m.close();
  settle();
  EXPECT_TRUE(at_b.done);
  EXPECT_EQ(at_b.value, "");
}

/// Reads as a client that coalesces.
list coalesced(const ap::log_view& view, const ap::position& from) {
  ap::detail::log_reader reader(view.log(), view.what(), from, true);
  list out;
  std::vector<ap::detail::entry_ptr> messages;
  ap::gap missed;
  for (;;) {
    switch (reader.read(100, 1'000'000, messages, missed)) {
    case ap::detail::log_reader::result::messages:
      for (const auto& e : messages) out.push_back(std::string(e->subject()) + " " + std::string(e->bytes().bytes()));
      break;
    case ap::detail::log_reader::result::missed: out.push_back("gap " + std::to_string(*missed.at_most)); break;
    default: return out;
    }
  }
}

TEST(topic_map, a_reader_that_coalesces_gets_the_newest_of_each_subject) {
  text_map m({.history = 2});
  for (const char* t : {"1", "2", "3"})
    for (const char* s : {"a", "b"}) m.publish(s, t);
  EXPECT_EQ(coalesced(m.view(), ap::position::oldest), (list{"a 3", "b 3"}));
  EXPECT_EQ(coalesced(m.view(), after(m, 0)), (list{"a 3", "b 3"})) << "superseded ones are no gap";
  EXPECT_EQ(coalesced(m.open("a").view(), after(m, 0)), (list{"a 3"}));
  text_map small({.total_bytes = 2 * 193});
  for (const char* s : {"a", "b", "c"}) small.publish(s, "1");
  EXPECT_EQ(coalesced(small.view(), after(small, 0)), (list{"gap 1", "b 1", "c 1"})) << "the newest of a is lost";
}

/// A map beside a list of everything: what readers get is in order, once, matches, and what they do not get they are
/// told of.
class model {
 public:
  model(const ap::topic_map_options& o, unsigned seed, bool exact) : map_(o), random_(seed), exact_(exact) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      const auto pick = random_() % 10;
      if (pick < 6) {
        publish();
      } else if (pick == 6 && readers_.size() < 12) {
        begin();
      } else if (!readers_.empty()) {
        auto& r = readers_[random_() % readers_.size()];
        read(r, random_() % 20);
        if (random_() % 20 == 0) r.reader = subscribe(r.pattern, ap::position::after(r.reader.at())); // comes back
      }
      if (testing::Test::HasFailure()) return;
    }
    for (auto& r : readers_) {
      read(r, 1'000'000);
      EXPECT_EQ(r.reader.at(), map_.head());
      expect_missed(r, published_.size());
    }
  }
  std::uint64_t told = 0, got = 0;

 private:
  using subscribed = ap::subscription<std::string, ap::on_gap::report_type>;
  struct client {
    std::string pattern;
    subscribed reader;
    std::uint64_t seen;  // all up to there was read, or told to be missed
    std::uint64_t began; // with the oldest: what was dropped up to there need not be told
  };

  std::string subject() {
    static const char* const names[] = {"a.x", "a.y", "b.x", "b.y", "c"};
    return names[random_() % 2000 == 0 ? 4 : random_() % 4]; // c is rare, and holes pile up behind it
  }
  subscribed subscribe(const std::string& pattern, const ap::position& from) {
    if (pattern.find_first_of("*>") == std::string::npos && random_() % 2 == 0)
      return map_.open(pattern).subscribe(from, ap::on_gap::report);
    return map_.match(pattern).subscribe(from, ap::on_gap::report);
  }
  void publish() {
    const auto s = subject();
    published_.push_back(s);
    EXPECT_EQ(map_.publish(s, std::to_string(published_.size())), (ap::event_id{0, published_.size()}));
  }
  void begin() {
    static const char* const patterns[] = {">", "a.*", "*.x", "a.x", "c", "*", "b.>", "none"};
    const std::string pattern = patterns[random_() % 8];
    const bool now = random_() % 2 == 0;
    readers_.push_back({pattern, subscribe(pattern, now ? ap::position::now : ap::position::oldest),
                        now ? published_.size() : 0, now ? 0 : published_.size()});
  }
  bool matching(const client& r, std::uint64_t id) const { return ap::detail::matches(r.pattern, published_[id - 1]); }
  /// Nothing that matches stands between what it has seen and `until`.
  void expect_missed(client& r, std::uint64_t until) {
    for (auto id = r.seen + 1; id <= until; ++id)
      EXPECT_TRUE(id <= r.began || !matching(r, id)) << r.pattern << ' ' << id;
    r.seen = until;
  }
  void read(client& r, std::size_t most) {
    ap::error_code ec;
    for (; most > 0; --most) {
      const auto d = r.reader.try_receive(ec);
      if (!d) break;
      d->visit(
          [&](const ap::message<std::string>& m) {
            ++got;
            const auto id = m.id().minor_part;
            expect_missed(r, id - 1);
            r.seen = id;
            EXPECT_EQ(*m, std::to_string(id));
            EXPECT_EQ(m.subject(), published_[id - 1]);
            EXPECT_TRUE(matching(r, id));
          },
          [&](const ap::gap& g) {
            ++told;
            EXPECT_LT(g.after, g.before);
            EXPECT_LE(r.reader.at().id, g.before);
            std::uint64_t lost = 0;
            const auto until = r.reader.at().id.minor_part;
            EXPECT_GE(until, r.seen);
            for (auto id = r.seen + 1; id <= until; ++id) lost += id > r.began && matching(r, id);
            EXPECT_GE(*g.at_most, 1U);
            EXPECT_LE(*g.at_most, until - r.seen);
            EXPECT_GE(*g.at_most, lost) << r.pattern;
            if (exact_ && r.seen >= r.began && r.pattern == ">") {
              EXPECT_EQ(*g.at_most, lost);
            }
            r.seen = until;
          },
          [&](ap::other_log) { FAIL(); });
    }
    EXPECT_FALSE(ec);
  }

  const text_map map_;
  std::minstd_rand random_;
  const bool exact_;
  std::vector<std::string> published_; // subjects
  std::vector<client> readers_;
};

TEST(topic_map_model, with_enough_history_all_comes_once) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    model m({}, seed, true);
    m.run(3000);
    EXPECT_EQ(m.told, 0U);
    EXPECT_GT(m.got, 1000U);
  }
}

TEST(topic_map_model, with_little_history_each_loss_is_told) {
  std::uint64_t told = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    model m({.history = 1 + seed % 5}, seed, true);
    m.run(3000);
    told += m.told;
  }
  EXPECT_GT(told, 1000U);
}

TEST(topic_map_model, with_a_limit_for_all_and_subjects_that_are_forgotten_too) {
  std::uint64_t told = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    model m({.history = 6, .total_bytes = 200 * (5 + seed), .idle = seed % 2 ? 1ns : 1h}, seed, false);
    m.run(3000);
    told += m.told;
  }
  EXPECT_GT(told, 1000U);
}

TEST(topic_map_model, holes_are_joined_and_still_told) {
  std::uint64_t told = 0;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    model m({.history = 2}, seed, false);
    m.run(15'000);
    told += m.told;
  }
  EXPECT_GT(told, 1000U);
  // One subject that is quiet, and one of which only little is kept: the log does not grow.
  text_map busy({.history = 1});
  busy.publish("quiet", "1");
  auto s = busy.match("*").subscribe(ap::position::now, ap::on_gap::report);
  for (int i = 0; i < 100'000; ++i) busy.publish("busy", "x");
  EXPECT_EQ(rest(s), (list{"gap 99999", "busy x"}));
  EXPECT_EQ(all_of(busy, after(busy, 0)), (list{"quiet 1", "gap 99999", "busy x"}));
  EXPECT_EQ(all_of(busy.match("quiet"), after(busy, 1)), list()) << "what was lost was not its own";
  EXPECT_EQ(all_of(busy.match("busy"), after(busy, 99'990)), (list{"gap 10", "busy x"}));
}

} // namespace
