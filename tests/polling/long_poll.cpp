// SPDX-License-Identifier: BSL-1.0
#include "../support/server_harness.hpp"

#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>

namespace {

using namespace antiphon_tests;
namespace polling = ap::polling;

struct long_poll : in_memory {
  long_poll() {
    app.get("/", [this](ap::request& req) { return polling::long_poll(news, req, options); });
  }
  std::string id(int n) const { return to_string(ap::cursor{news.head().log, {0, static_cast<std::uint64_t>(n)}}); }
  std::size_t parked() const { return news.view().log()->parked.load(); }
  wire& parks(std::string_view path = "/", std::string_view fields = {}) {
    auto& w = s.client();
    w.send(get(path, fields));
    s.settle();
    EXPECT_EQ(w.now(), "");
    return w;
  }

  ap::topic<std::string> news{{.history = 5}};
  polling::long_poll_options options;
};

TEST_F(long_poll, waits_for_a_message_and_the_connection_goes_on) {
  auto& w = parks();
  EXPECT_EQ(parked(), 1U);
  news.publish("now");
  const auto answer = w.next();
  EXPECT_EQ(answer.code, 200);
  EXPECT_NE(answer.body.find("\"items\":[{\"id\":\"" + id(1) + "\",\"data\":\"now\"}]"), std::string::npos);
  EXPECT_EQ(answer.header("Link"), "<?after=" + id(1) + ">; rel=\"next\"");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.header("Vary"), "Prefer");
  EXPECT_FALSE(answer.has("Antiphon-Resume"));
  EXPECT_EQ(parked(), 0U);
  w.send(get("/?after=" + id(1)));
  s.settle();
  news.publish("next");
  const auto second = w.next();
  EXPECT_NE(second.body.find("\"data\":\"next\""), std::string::npos);
  EXPECT_EQ(second.header("Antiphon-Resume"), "whole");
}

TEST_F(long_poll, begins_where_the_client_or_the_program_says) {
  news.publish("old");
  auto& waits = parks();
  EXPECT_NE(s.ask(get("/?after=latest")).body.find("\"data\":\"old\""), std::string::npos);
  options.from = ap::position::oldest;
  EXPECT_NE(s.ask(get("/")).body.find("\"data\":\"old\""), std::string::npos);
  waits.close();
}

TEST_F(long_poll, answers_at_once_where_there_is_something) {
  for (int i = 1; i <= 9; ++i) news.publish(std::to_string(i));
  EXPECT_NE(s.ask(get("/?after=" + id(8))).body.find("\"data\":\"9\""), std::string::npos);
  const auto gap = s.ask(get("/?after=" + id(1)));
  EXPECT_EQ(gap.header("Antiphon-Resume"), "gap; at-most=3");
  EXPECT_NE(gap.body.find("\"at_most\":3"), std::string::npos);
  EXPECT_NE(gap.body.find("\"data\":\"5\""), std::string::npos);
  EXPECT_EQ(s.ask(get("/?after=junk")).header("Antiphon-Resume"), "other-log");
}

TEST_F(long_poll, ends_empty_after_its_hold_give_or_take_a_tenth) {
  bool early = false, late = false;
  for (int i = 0; i < 200; ++i) { // an hour and a half
    auto& w = parks();
    s.advance(26'999ms);
    ASSERT_EQ(w.now(), "");
    s.advance(3s);
    early |= !w.now().empty();
    late |= w.now().empty();
    s.advance(3'002ms);
    const auto answer = w.next();
    ASSERT_EQ(answer.code, 200);
    ASSERT_NE(answer.body.find("\"cursor\":\"" + id(0) + "\",\"gap\":null,\"other_log\":false,\"items\":[]"),
              std::string::npos);
    w.close();
  }
  EXPECT_TRUE(early && late) << "some before the middle and some after it";
}

TEST_F(long_poll, is_never_longer_than_the_client_prefers) {
  for (const char* prefer : {"wait=5", "respond-async, wait=5;x", "WAIT = 5"}) {
    auto& w = parks("/", "Prefer: " + std::string(prefer) + "\r\n");
    s.advance(4'499ms);
    EXPECT_EQ(w.now(), "");
    s.advance(501ms);
    const auto answer = w.next();
    EXPECT_EQ(answer.header("Preference-Applied"), "wait=5") << prefer;
    EXPECT_NE(answer.body.find("\"items\":[]"), std::string::npos);
  }
  auto& w = parks("/", "Prefer: wait=1000\r\n");
  s.advance(30s);
  EXPECT_EQ(w.next().header("Preference-Applied"), "wait=30") << "no longer than the server waits";
  EXPECT_NE(s.ask(get("/", "Prefer: wait=0\r\n")).body.find("\"items\":[]"), std::string::npos) << "at once";
  for (const char* prefer : {"wait", "wait=", "wait=-1", "wait=x", "waits=1"}) {
    auto& ignored = parks("/", "Prefer: " + std::string(prefer) + "\r\n");
    s.advance(20s);
    EXPECT_EQ(ignored.now(), "") << prefer;
    ignored.close();
    s.settle();
  }
}

TEST_F(long_poll, only_so_many_wait) {
  options.parked = 3;
  std::vector<wire*> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(&parks());
  const auto refused = s.ask(get("/"));
  EXPECT_EQ(refused.code, 503);
  const int after = std::stoi(refused.header("Retry-After"));
  EXPECT_GE(after, 1);
  EXPECT_LE(after, 6);
  clients.front()->close(); // frees its place at once
  s.settle();
  EXPECT_EQ(parked(), 2U);
  parks();
  EXPECT_EQ(parked(), 3U);
  EXPECT_EQ(news.stats().readers, 3U);
}

TEST_F(long_poll, a_drain_answers_those_who_wait) {
  auto& w = parks();
  s.drain();
  s.advance(10s);
  const auto answer = w.next();
  EXPECT_EQ(answer.code, 200);
  EXPECT_NE(answer.body.find("\"items\":[]"), std::string::npos);
  EXPECT_EQ(answer.header("Connection"), "close");
}

TEST_F(long_poll, of_a_closed_topic_is_held_so_that_nobody_spins) {
  news.close();
  auto& w = parks();
  s.advance(33s);
  EXPECT_NE(w.next().body.find("\"items\":[]"), std::string::npos);
}

TEST_F(long_poll, hundreds_are_released_with_the_same_answer) {
  std::vector<wire*> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(&parks());
  news.publish("all");
  std::string body;
  for (auto* w : clients) {
    const auto answer = w->next();
    ASSERT_EQ(answer.code, 200);
    if (body.empty()) body = answer.body;
    ASSERT_EQ(answer.body, body);
  }
}

TEST_F(long_poll, gets_no_more_than_it_takes_also_when_it_has_waited) {
  app.get("/two", [this](ap::request& req) { return polling::long_poll(news, req, {.max_items = 2}); });
  app.get("/bytes", [this](ap::request& req) { return polling::long_poll(news, req, {.max_bytes = 3}); });
  std::vector<wire*> all{&parks("/"), &parks("/two"), &parks("/bytes"), &parks("/two"), &parks("/")};
  for (const char* text : {"aa", "b", "c", "d"}) news.publish(text);
  std::vector<int> items;
  for (auto* w : all) {
    const auto body = w->next().body;
    int n = 0;
    for (auto at = body.find("\"id\""); at != std::string::npos; at = body.find("\"id\"", at + 1)) ++n;
    items.push_back(n);
    EXPECT_NE(body.find("{\"cursor\":\"" + id(n)), std::string::npos) << body;
  }
  EXPECT_EQ(items, (std::vector{4, 2, 2, 2, 4}));
  auto& waits = parks("/bytes?after=" + id(4));
  news.publish("larger than all");
  EXPECT_NE(waits.next().body.find("larger than all"), std::string::npos) << "one at least";
}

TEST_F(long_poll, a_client_that_goes_frees_its_place_at_once) {
  options.parked = 1;
  for (int i = 0; i < 5; ++i) {
    auto& w = parks();
    EXPECT_EQ(s.ask(get("/")).code, 503);
    w.close();
    s.settle();
    EXPECT_EQ(parked(), 0U);
    EXPECT_EQ(news.stats().readers, 0U);
  }
}

TEST_F(long_poll, a_day_of_it) {
  std::vector<wire*> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(&parks());
  constexpr int day = 24 * 60 * 60, step = 30;
  int answers = 0;
  for (int second = 0; second < day; second += step) {
    s.advance(std::chrono::seconds(step));
    for (auto* w : clients) {
      if (w->now().empty()) continue;
      EXPECT_EQ(w->next().code, 200);
      ++answers;
      w->send(get("/?after=" + id(0)));
    }
    s.settle();
  }
  EXPECT_EQ(parked(), 4U);
  // Each takes 27 to 33 s, and up to a step until it is seen and asks again.
  EXPECT_GT(answers, 4 * day / (33 + step));
  EXPECT_LT(answers, 4 * day / 27);
}

TEST_F(long_poll, raw_and_with_a_query_of_its_own) {
  options.as = polling::form::raw;
  auto& w = parks("/?room=7");
  news.publish("text");
  const auto answer = w.next();
  EXPECT_EQ(answer.body, "text");
  EXPECT_EQ(answer.header("Link"), "<?room=7&after=" + id(1) + ">; rel=\"next\"");
  EXPECT_EQ(answer.header("Vary"), "Prefer");
  auto& none = parks("/?after=" + id(1), "Prefer: wait=1\r\n");
  s.advance(1s);
  const auto empty = none.next();
  EXPECT_EQ(empty.code, 204);
  EXPECT_EQ(empty.header("Link"), "<?after=" + id(1) + ">; rel=\"next\"");
}

} // namespace
