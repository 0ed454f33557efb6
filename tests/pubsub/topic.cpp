// SPDX-License-Identifier: BSL-1.0
#include <antiphon/pubsub/topic.hpp>

#include <asio/use_future.hpp>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using texts = ap::topic<std::string>;

std::string n(int i) { return std::to_string(i); }

/// All that can be read without waiting: messages as they are, "gap N", "other".
template <class Log>
std::vector<std::string> all(const Log& log, const ap::position& from) {
  auto s = log.subscribe(from, ap::on_gap::report);
  std::vector<std::string> out;
  ap::error_code ec;
  while (auto d = s.try_receive(ec))
    d->visit([&](const ap::message<std::string>& m) { out.push_back(*m); },
             [&](const ap::gap& g) { out.push_back("gap " + std::to_string(*g.at_most)); },
             [&](ap::other_log) { out.push_back("other"); });
  if (ec) out.push_back(ec == asio::error::eof ? "eof" : ec.message());
  return out;
}
using list = std::vector<std::string>;

ap::position after(const texts& t, int id) {
  return ap::position::after({t.head().log, {0, static_cast<std::uint64_t>(id)}});
}

TEST(topic, is_read_from_any_place) {
  texts t;
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(t.publish(n(i)), (ap::event_id{0, static_cast<std::uint64_t>(i)}));
  EXPECT_EQ(all(t, ap::position::oldest), (list{"1", "2", "3", "4"}));
  EXPECT_EQ(all(t, ap::position::latest), (list{"4"}));
  EXPECT_EQ(all(t, ap::position::now), list());
  EXPECT_EQ(all(t, after(t, 2)), (list{"3", "4"}));
  EXPECT_EQ(all(t, after(t, 4)), list());
  EXPECT_EQ(all(t, after(t, 0)), (list{"1", "2", "3", "4"}));
  EXPECT_EQ(all(t, ap::position::since(std::chrono::system_clock::now() - 1h)), (list{"1", "2", "3", "4"}));
  EXPECT_EQ(all(t, ap::position::since(std::chrono::system_clock::now() + 1h)), list());
  EXPECT_EQ(all(texts(), ap::position::latest), list());
}

TEST(topic, a_cursor_is_resumed_or_the_reader_is_told) {
  texts t({.history = 3});
  for (int i = 1; i <= 9; ++i) t.publish(n(i));
  EXPECT_EQ(all(t, after(t, 6)), (list{"7", "8", "9"})) << "the last one that misses nothing";
  EXPECT_EQ(all(t, after(t, 5)), (list{"gap 1", "7", "8", "9"}));
  EXPECT_EQ(all(t, after(t, 0)), (list{"gap 6", "7", "8", "9"}));
  EXPECT_EQ(all(t, after(t, 10)), (list{"other", "7", "8", "9"})) << "from the future";
  EXPECT_EQ(all(t, ap::position::after({t.head().log, {1, 1}})), (list{"other", "7", "8", "9"}));
  EXPECT_EQ(all(t, ap::position::after({t.head().log + 1, {0, 8}})), (list{"other", "7", "8", "9"}));
  EXPECT_NE(texts().head().log, texts().head().log);
}

TEST(topic, a_gap_says_from_where_to_where) {
  texts t({.history = 2});
  auto s = t.subscribe(ap::position::now, ap::on_gap::report);
  for (int i = 1; i <= 5; ++i) t.publish(n(i));
  ap::error_code ec;
  bool told = false;
  s.try_receive(ec)->visit([](const ap::message<std::string>&) {},
                           [&](const ap::gap& g) {
                             told = g == ap::gap{{0, 0}, {0, 4}, 3};
                           },
                           [](ap::other_log) {});
  EXPECT_TRUE(told);
  EXPECT_EQ(s.at().id, (ap::event_id{0, 3})) << "it stands before the oldest";
}

TEST(topic, keeps_no_more_than_its_limits) {
  texts t({.history = 1'000, .history_bytes = 100});
  for (int i = 0; i < 50; ++i) t.publish(std::string(10, 'x'));
  EXPECT_EQ(t.stats().kept, 10U);
  EXPECT_EQ(t.stats().kept_bytes, 100U);
  EXPECT_EQ(t.stats().dropped, 40U);
  EXPECT_EQ(t.stats().published, 50U);
  t.publish(std::string(101, 'y')); // does not fit even alone
  EXPECT_EQ(t.stats().kept, 0U);
  EXPECT_EQ(t.stats().kept_bytes, 0U);
  EXPECT_EQ(all(t, after(t, 50)), (list{"gap 1"}));
  t.publish("z");
  EXPECT_EQ(all(t, ap::position::oldest), (list{"z"}));
  texts one({.history = 0});
  one.publish("a");
  EXPECT_EQ(one.stats().kept, 1U) << "one at least";
}

TEST(topic, forgets_what_is_too_old) {
  texts t({.max_age = 1ns});
  t.publish("old");
  const auto now = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() <= now) {}
  EXPECT_EQ(all(t, after(t, 0)), (list{"gap 1"}));
  EXPECT_EQ(t.stats().kept, 0U);
  texts young({.max_age = 1h});
  young.publish("kept");
  EXPECT_EQ(all(young, ap::position::oldest), (list{"kept"}));
}

TEST(topic, a_copy_is_the_same_topic) {
  const texts a;
  const texts b = a;
  b.publish("x");
  EXPECT_EQ(all(a, ap::position::oldest), (list{"x"}));
  EXPECT_EQ(a.head(), b.head());
}

TEST(topic, closed_it_is_read_to_its_end) {
  texts t;
  t.publish("x");
  t.close();
  EXPECT_EQ(t.publish("y"), ap::event_id());
  EXPECT_EQ(all(t, ap::position::oldest), (list{"x", "eof"}));
  auto sent = t.async_send("y", asio::use_future);
  EXPECT_THROW(sent.get(), ap::system_error);
}

TEST(topic, is_a_sink) {
  texts t;
  EXPECT_EQ(t.async_send("x", asio::use_future).get(), (ap::event_id{0, 1}));
}

TEST(topic, counts_its_readers_and_how_far_the_slowest_is) {
  texts t;
  t.publish("a");
  auto slow = std::make_unique<ap::subscription<std::string>>(t.subscribe(ap::position::oldest));
  auto quick = t.subscribe();
  t.publish("b");
  EXPECT_EQ(t.stats().readers, 2U);
  EXPECT_EQ(t.stats().slowest_lag, 2U);
  EXPECT_EQ(quick.lag(), 1U);
  slow.reset();
  EXPECT_EQ(t.stats().readers, 1U);
  EXPECT_EQ(t.stats().slowest_lag, 1U);
}

TEST(topic, a_choice_is_a_log) {
  texts t({.history = 4});
  const auto even = t.filtered("even", [](const std::string& s) { return std::stoi(s) % 2 == 0; });
  for (int i = 1; i <= 5; ++i) t.publish(n(i));
  EXPECT_EQ(all(even, ap::position::oldest), (list{"2", "4"}));
  EXPECT_EQ(all(even, ap::position::latest), (list{"4"}));
  EXPECT_EQ(all(even, after(t, 3)), (list{"4"}));
  EXPECT_EQ(all(even, after(t, 0)), (list{"gap 1", "2", "4"}));
  auto s = even.subscribe(ap::position::oldest);
  ap::error_code ec;
  while (s.try_receive(ec)) {}
  EXPECT_EQ(s.at(), t.head()) << "the place moves on behind what was not chosen";
}

TEST(topic, a_dropped_message_may_publish) {
  struct echo {
    explicit echo(std::shared_ptr<ap::topic<echo>> t) : to(std::move(t)) {}
    echo(echo&&) = default;
    echo(const echo&) = delete;
    ~echo() {
      if (to && to->stats().published < 5) to->publish(echo(nullptr));
    }
    std::shared_ptr<ap::topic<echo>> to;
  };
  auto t = std::make_shared<ap::topic<echo>>(ap::topic_options{.history = 1});
  t->publish(echo(t));
  t->publish(echo(nullptr)); // drops the first one, which publishes
  EXPECT_EQ(t->stats().published, 3U);
}

/// Reads as a client that coalesces.
list coalesced(const texts& t, const ap::position& from) {
  const auto view = t.view();
  ap::detail::log_reader reader(view.log(), view.what(), from, true);
  list out;
  std::vector<ap::detail::entry_ptr> messages;
  ap::gap missed;
  for (;;) {
    switch (reader.read(100, 1'000'000, messages, missed)) {
    case ap::detail::log_reader::result::messages:
      for (const auto& m : messages) out.push_back(std::string(m->bytes().bytes()));
      break;
    case ap::detail::log_reader::result::missed: out.push_back("gap " + std::to_string(*missed.at_most)); break;
    default: return out;
    }
  }
}

TEST(topic_with_keys, superseded_messages_are_stepped_over_and_not_missed) {
  const auto key = [](const std::string& s) { return s.substr(0, 1); };
  texts t({.history = 4}, key);
  for (const char* s : {"a1", "b1", "a2"}) t.publish(s);
  EXPECT_EQ(coalesced(t, ap::position::oldest), (list{"b1", "a2"}));
  EXPECT_EQ(all(t, ap::position::oldest), (list{"a1", "b1", "a2"})) << "others read everything";
  for (const char* s : {"a3", "a4", "a5"}) t.publish(s);
  // Dropped are a1 (superseded) and b1 (the newest of its key).
  EXPECT_EQ(coalesced(t, after(t, 0)), (list{"gap 1", "a5"}));
  t.publish("b2");
  EXPECT_EQ(coalesced(t, after(t, 0)), (list{"a5", "b2"})) << "b1 is superseded now";
}

TEST(topic_with_keys, without_keys_a_reader_that_coalesces_is_told_of_all) {
  texts t({.history = 2});
  for (int i = 1; i <= 5; ++i) t.publish(n(i));
  EXPECT_EQ(coalesced(t, after(t, 1)), (list{"gap 2", "4", "5"}));
}

TEST(topic_with_keys, the_keys_are_bounded) {
  texts t({.history = 100, .keys = 2}, [](const std::string& s) { return s.substr(0, 1); });
  for (const char* s : {"a1", "b1", "c1", "a2", "c2"}) t.publish(s);
  // "a" was forgotten for "c", and "b" for "a": a2 supersedes nothing.
  EXPECT_EQ(coalesced(t, ap::position::oldest), (list{"a1", "b1", "a2", "c2"}));
}

} // namespace
