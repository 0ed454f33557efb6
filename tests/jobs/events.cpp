// SPDX-License-Identifier: BSL-1.0
// GET /{id}/events: progress and the final state, as server-sent events.
#include "http_harness.hpp"

#include <antiphon/sse/decoder.hpp>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace {

using namespace antiphon_tests;

class job_events : public jobs_over_http {
 protected:
  /// A client of one stream.
  struct follower {
    wire* w = nullptr;
    ap::sse::decoder decoder{{8'000'000, 8'000'000}};
    std::string head{}, rest{};
    std::vector<ap::sse::event> events{};
    bool ended = false;

    const std::string& id() const { return *events.back().id; }
    /// "progress 10", "state running": what came, but for the ids.
    std::vector<std::string> told() const {
      std::vector<std::string> all;
      for (const auto& e : events) all.push_back(e.type + " " + without_ids(e.data));
      return all;
    }
  };
  follower follow(const std::string& path, std::string_view fields = {}, std::string_view query = {}) {
    follower f;
    f.w = &s.client();
    f.w->send(get(path + "/events" + std::string(query), fields));
    f.rest = f.w->take();
    const auto end = f.rest.find("\r\n\r\n");
    EXPECT_NE(end, std::string::npos) << f.rest;
    f.head = f.rest.substr(0, end + 4);
    f.rest.erase(0, end + 4);
    look(f);
    return f;
  }
  /// Takes what has come, out of its chunks.
  static void look(follower& f) {
    f.rest += f.w->take();
    while (true) {
      const auto line = f.rest.find("\r\n");
      if (line == std::string::npos) return;
      const auto size = std::stoul(f.rest, nullptr, 16);
      if (f.rest.size() < line + 2 + size + 2) return;
      if (size == 0) f.ended = true;
      f.decoder.feed(std::string_view(f.rest).substr(line + 2, size),
                     [&](const ap::sse::event& e) { f.events.push_back(e); });
      f.rest.erase(0, line + 2 + size + 2);
    }
  }
  static std::string from(std::string_view id) { return "Last-Event-ID: " + std::string(id) + "\r\n"; }
};

const std::string state_of_running = "state {\"id\":\"ID\",\"state\":\"running\",\"created\":\"TIME\"}";
const std::string state_of_counted =
    "state {\"id\":\"ID\",\"state\":\"succeeded\",\"created\":\"TIME\",\"progress\":90,"
    "\"result\":\"counted\",\"result_type\":\"text/plain; charset=utf-8\"}";
std::vector<std::string> all_of_counts() {
  std::vector<std::string> all{state_of_running};
  for (int percent = 10; percent < 100; percent += 10) all.push_back("progress " + std::to_string(percent));
  all.push_back(state_of_counted);
  return all;
}

TEST_F(job_events, are_its_progress_and_the_final_state) {
  open();
  work = counts;
  const auto path = begin();
  s.settle();
  auto f = follow(path);
  EXPECT_NE(f.head.find("200 OK"), std::string::npos);
  EXPECT_NE(f.head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(f.head.find("Cache-Control: no-store\r\n"), std::string::npos);
  EXPECT_EQ(f.told(), std::vector{state_of_running}) << "how it is when the first one asks";
  s.advance(3s);
  look(f);
  EXPECT_EQ(f.events.size(), 4U);
  EXPECT_EQ(f.events.back().data, "30");
  EXPECT_FALSE(f.ended);
  s.advance(7s);
  look(f);
  EXPECT_EQ(f.told(), all_of_counts());
  EXPECT_TRUE(f.ended);
  EXPECT_EQ(f.w->ask(get(path)).code, 200) << "the connection goes on";
}

TEST_F(job_events, tell_of_each_turn) {
  options.max_running = 1;
  how.attempts = 2;
  how.first_wait = 1s;
  open();
  const auto before = begin();
  work = [](ap::job& job, std::string) -> asio::awaitable<std::string> {
    if (job.attempt() == 1) throw std::runtime_error("once");
    co_await ap::sleep_for(1s);
    throw ap::job_failure(ap::problem(ap::status::conflict));
    co_return "";
  };
  const auto path = begin();
  auto f = follow(path);
  s.advance(20s);
  look(f);
  const std::string front = "state {\"id\":\"ID\",\"state\":\"";
  const std::string created = "\",\"created\":\"TIME\"";
  EXPECT_EQ(f.told(),
            (std::vector<std::string>{
                front + "pending" + created + "}", front + "running" + created + "}", front + "pending" + created + "}",
                front + "running" + created + ",\"attempt\":2}",
                front + "failed" + created + ",\"attempt\":2,\"error\":{\"title\":\"Conflict\",\"status\":409}}"}));
  EXPECT_TRUE(f.ended);
}

TEST_F(job_events, tell_that_it_was_cancelled) {
  open();
  const auto path = begin();
  s.settle();
  auto f = follow(path);
  cancel(path);
  s.settle();
  look(f);
  ASSERT_EQ(f.events.size(), 3U);
  EXPECT_NE(f.events[1].data.find("\"cancelling\":true"), std::string::npos);
  EXPECT_NE(f.events[2].data.find("\"state\":\"cancelled\""), std::string::npos);
  EXPECT_TRUE(f.ended);
}

TEST_F(job_events, go_on_where_a_client_was_cut) {
  open();
  work = counts;
  const auto path = begin();
  s.settle();
  auto cut = follow(path);
  s.advance(4s);
  look(cut);
  const auto seen = cut.told();
  const auto place = cut.id();
  cut.w->close();
  s.advance(3s);
  auto again = follow(path, from(place));
  EXPECT_NE(again.head.find("Antiphon-Resume: whole\r\n"), std::string::npos);
  s.advance(3s);
  look(again);
  auto all = seen;
  const auto rest = again.told();
  all.insert(all.end(), rest.begin(), rest.end());
  EXPECT_EQ(all, all_of_counts()) << "nothing is missed, and nothing comes twice";
  EXPECT_TRUE(again.ended);
}

TEST_F(job_events, every_place_is_one_to_go_on_from) {
  open();
  work = counts;
  const auto path = begin();
  s.settle();
  auto whole = follow(path);
  s.advance(10s);
  look(whole);
  const auto all = all_of_counts();
  ASSERT_EQ(whole.told(), all);
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const auto rest = follow(path, from(*whole.events[i].id));
    EXPECT_EQ(rest.told(), (std::vector(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end())));
    EXPECT_TRUE(rest.ended);
    EXPECT_EQ(follow(path, {}, "?after=" + *whole.events[i].id).told(), rest.told()) << "by the query too";
  }
  for (int i = 0; i < 2; ++i) {
    const auto over = ask(path + "/events", from(whole.id()));
    EXPECT_EQ(over.code, 204) << "there is no more: a browser comes back no more";
    EXPECT_EQ(over.body, "");
  }
  EXPECT_EQ(follow(path).told(), all) << "who comes late gets what is kept";
  EXPECT_EQ(follow(path, {}, "?after=earliest").told(), all);
  EXPECT_EQ(follow(path, {}, "?after=latest").told(), (std::vector{all.back()}));
  s.advance(10min);
  EXPECT_EQ(ask(path + "/events", from(whole.id())).code, 404);
}

TEST_F(job_events, a_place_of_another_job_is_no_place) {
  open();
  work = counts;
  const auto one = begin(), other = begin();
  s.settle();
  const auto f = follow(one);
  const auto g = follow(other, from(f.id()));
  EXPECT_NE(g.head.find("Antiphon-Resume: other-log\r\n"), std::string::npos);
  EXPECT_EQ(g.told(), (std::vector<std::string>{"antiphon-other-log ", state_of_running}));
}

TEST_F(job_events, who_comes_when_all_is_over_gets_the_end) {
  open();
  work = at_once;
  const auto path = begin("x");
  s.settle();
  const auto f = follow(path);
  ASSERT_EQ(f.events.size(), 1U);
  EXPECT_EQ(f.events[0].type, "state");
  EXPECT_NE(f.events[0].data.find("\"result\":\"x\""), std::string::npos);
  EXPECT_TRUE(f.ended);
  EXPECT_EQ(ask(path + "/events", from(f.id())).code, 204);
}

TEST_F(job_events, what_is_kept_no_more_is_told) {
  options.history = 3;
  open();
  work = counts;
  const auto path = begin();
  s.settle();
  auto cut = follow(path);
  const auto place = cut.id();
  cut.w->close();
  s.advance(10s);
  const auto f = follow(path, from(place));
  EXPECT_NE(f.head.find("Antiphon-Resume: gap; at-most="), std::string::npos) << f.head;
  ASSERT_EQ(f.events.size(), 5U);
  EXPECT_EQ(f.events[0].type, "antiphon-gap");
  EXPECT_EQ(f.events[1].data, "70");
  EXPECT_EQ(f.told().back(), state_of_counted);
}

TEST_F(job_events, without_a_history_there_is_still_the_end) {
  options.history = 0;
  options.history_bytes = 0;
  open();
  work = counts;
  const auto path = begin();
  s.advance(10s);
  const auto f = follow(path);
  ASSERT_FALSE(f.events.empty());
  EXPECT_EQ(f.told().back(), state_of_counted);
  EXPECT_TRUE(f.ended);
}

TEST_F(job_events, large_results_are_in_them_whole) {
  open();
  work = [](ap::job&, std::string) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(1s);
    co_return std::string(5'000'000, 'r');
  };
  const auto path = begin();
  s.settle();
  auto f = follow(path);
  s.advance(1s);
  for (int i = 0; i < 1000 && !f.ended; ++i) look(f);
  ASSERT_TRUE(f.ended);
  ASSERT_EQ(f.events.size(), 2U);
  EXPECT_EQ(std::count(f.events[1].data.begin(), f.events[1].data.end(), 'r'), 5'000'000 + 4)
      << "and those of the names";
  EXPECT_EQ(f.events[1].data, ask(path).body);
  EXPECT_EQ(ask(path + "/result").body.size(), 5'000'000U);
  auto late = follow(path);
  for (int i = 0; i < 1000 && !late.ended; ++i) look(late);
  EXPECT_EQ(late.events.back().data, f.events[1].data);
}

TEST_F(job_events, progress_that_is_no_text_is_in_base64) {
  open();
  work = [](ap::job& job, std::string) -> asio::awaitable<std::string> {
    job.report(std::string("two\nlines"));
    job.report(ap::shared_buffer(std::string("\0\r\n\xff", 4)));
    job.report(std::string("\xff"));
    job.report(std::string("two\r\nlines")); // a stream would make LF of it
    co_return "";
  };
  const auto path = begin();
  s.settle();
  auto told = follow(path).told();
  EXPECT_EQ(std::vector(told.end() - 5, told.end() - 1),
            (std::vector<std::string>{"progress two\nlines", "progress-base64 AA0K/w==", "progress-base64 /w==",
                                      "progress-base64 dHdvDQpsaW5lcw=="}));
}

TEST_F(job_events, many_follow_and_go) {
  open();
  work = counts;
  const auto path = begin();
  s.settle();
  std::vector<follower> all;
  for (int i = 0; i < 30; ++i) all.push_back(follow(path));
  for (std::size_t i = 0; i < all.size(); i += 3) all[i].w->close();
  s.advance(10s);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 3 == 0) continue;
    look(all[i]);
    EXPECT_EQ(all[i].told(), all_of_counts());
    EXPECT_TRUE(all[i].ended);
  }
}

TEST_F(job_events, beat_while_nothing_happens) {
  open();
  work = [](ap::job&, std::string) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(1min);
    co_return "";
  };
  const auto path = begin();
  auto f = follow(path);
  s.advance(15s);
  EXPECT_EQ(f.w->now(), "3\r\n:\n\n\r\n");
}

} // namespace
