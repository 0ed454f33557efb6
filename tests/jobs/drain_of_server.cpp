// SPDX-License-Identifier: BSL-1.0
// A server that drains while jobs run, and clients wait for them.
#include "http_harness.hpp"

#include <vector>

namespace {

using namespace antiphon_tests;

class job_drain : public jobs_over_http {
 protected:
  /// Connections that wait by each way there is, and how each is told the end.
  struct waiting {
    wire *submits, *waits, *changes, *follows;
  };
  waiting all_wait() {
    waiting w{};
    w.submits = &waits(post("/jobs", "x", "Idempotency-Key: k\r\nPrefer: wait=30\r\n"));
    const auto id = "/jobs/" + to_string(store().list().front().id);
    s.settle();
    w.waits = &waits_for(id, "Prefer: wait=30\r\n");
    w.changes = &waits_for(id, "Prefer: wait=30\r\nIf-None-Match: *\r\n");
    w.follows = &s.client();
    w.follows->send(get(id + "/events"));
    w.follows->take();
    return w;
  }
};

TEST_F(job_drain, who_waits_gets_the_result_of_a_job_that_ends_in_time) {
  open();
  work = [](ap::job&, std::string) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(7s);
    co_return "in time";
  };
  const auto w = all_wait();
  s.drain();
  s.advance(6999ms);
  for (auto* one : {w.submits, w.waits, w.changes, w.follows}) EXPECT_EQ(one->now(), "");
  EXPECT_FALSE(s.done);
  s.advance(1ms);
  for (auto* one : {w.submits, w.waits, w.changes}) {
    const auto answer = one->next();
    EXPECT_EQ(answer.code, 200);
    EXPECT_NE(answer.body.find("\"result\":\"in time\""), std::string::npos) << answer.body;
    EXPECT_EQ(answer.header("Connection"), "close");
  }
  const auto events = w.follows->rest();
  EXPECT_NE(events.find("\"result\":\"in time\""), std::string::npos) << events;
  EXPECT_TRUE(events.ends_with("0\r\n\r\n"));
  s.settle();
  EXPECT_TRUE(s.done) << "and nothing else keeps the server";
}

TEST_F(job_drain, who_waits_is_told_that_a_job_was_given_up) {
  open(); // it takes 10 s
  const auto w = all_wait();
  s.drain();
  s.advance(7999ms);
  for (auto* one : {w.submits, w.waits, w.changes, w.follows}) EXPECT_EQ(one->now(), "");
  s.advance(1ms);
  for (auto* one : {w.submits, w.waits}) {
    const auto answer = one->next();
    EXPECT_EQ(answer.code, 200);
    EXPECT_NE(answer.body.find("\"state\":\"cancelled\""), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("shutting down"), std::string::npos);
    EXPECT_NE(answer.body.find("\"status\":503"), std::string::npos);
  }
  EXPECT_EQ(w.changes->next().code, 200);
  const auto events = w.follows->rest();
  EXPECT_NE(events.find("\"state\":\"cancelled\""), std::string::npos) << events;
  s.settle();
  EXPECT_TRUE(s.done);
}

TEST_F(job_drain, who_waits_for_one_that_has_not_begun_is_told_at_once) {
  options.max_running = 1;
  open();
  begin();
  const auto w = all_wait();
  s.drain();
  s.settle();
  for (auto* one : {w.submits, w.waits, w.changes}) {
    const auto answer = one->next();
    EXPECT_NE(answer.body.find("\"state\":\"cancelled\""), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("shutting down"), std::string::npos);
  }
  EXPECT_NE(w.follows->rest().find("\"state\":\"cancelled\""), std::string::npos);
}

TEST_F(job_drain, work_that_does_not_hear_keeps_no_client_in_the_dark) {
  open();
  work = [](ap::job&, std::string) -> asio::awaitable<std::string> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await ap::sleep_for(12s);
    co_return "too late";
  };
  const auto w = all_wait();
  s.drain();
  s.advance(9999ms); // the server cuts at 10 s
  for (auto* one : {w.submits, w.waits}) {
    const auto answer = one->next();
    EXPECT_NE(answer.body.find("\"state\":\"cancelled\""), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("shutting down"), std::string::npos);
  }
  s.advance(10s);
}

TEST_F(job_drain, every_client_of_many_hears_the_end) {
  options.max_running = 100;
  open();
  work = [](ap::job&, std::string) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(5s);
    co_return "in time";
  };
  std::vector<wire*> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(&waits(post("/jobs", "x", "Prefer: wait=30\r\n")));
  s.drain();
  s.advance(5s);
  for (auto* w : clients) EXPECT_NE(w->next().body.find("in time"), std::string::npos);
}

TEST_F(job_drain, a_store_that_lives_on_answers_with_what_there_is) {
  app.post("/jobs", [this](ap::request& req) { return take(req); }); // the routes are another server's
  auto& w = waits(post("/jobs", "x", "Prefer: wait=30\r\n"));
  s.drain();
  s.settle();
  const auto answer = w.next();
  EXPECT_EQ(answer.code, 202) << "it goes on, and is to be asked for there";
  EXPECT_NE(answer.body.find("\"state\":\"running\""), std::string::npos);
  EXPECT_TRUE(answer.has("Location"));
  s.settle();
  EXPECT_TRUE(s.done);
  s.advance(10s);
  EXPECT_EQ(store().list().front().state, ap::job_state::succeeded);
}

} // namespace
