// SPDX-License-Identifier: BSL-1.0
// `Prefer: wait` at the status of a job.
#include "http_harness.hpp"

#include <vector>

namespace {

using namespace antiphon_tests;

class job_waiting : public jobs_over_http {
 protected:
  std::string known(const std::string& path) { return "If-None-Match: " + ask(path).header("ETag") + "\r\n"; }
};

TEST_F(job_waiting, is_for_the_end) {
  open();
  work = counts;
  const auto path = begin();
  auto& w = waits_for(path);
  s.advance(9999ms);
  EXPECT_EQ(w.now(), "") << "progress does not end it";
  s.advance(1ms);
  const auto answer = w.next();
  EXPECT_EQ(answer.code, 200);
  EXPECT_NE(answer.body.find("\"progress\":90,\"result\":\"counted\""), std::string::npos);
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=20");
  EXPECT_EQ(answer.header("Vary"), "Prefer");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_FALSE(answer.has("Retry-After"));
  EXPECT_EQ(w.ask(get(path)).header("ETag"), answer.header("ETag")) << "over the same connection";
}

TEST_F(job_waiting, ends_with_the_status_as_it_is) {
  open();
  work = counts;
  const auto path = begin();
  auto& w = waits_for(path, "Prefer: wait=3\r\n");
  s.advance(2999ms);
  EXPECT_EQ(w.now(), "");
  s.advance(1ms);
  const auto answer = w.next();
  EXPECT_EQ(answer.code, 200);
  EXPECT_NE(answer.body.find("\"state\":\"running\""), std::string::npos);
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=3");
  EXPECT_EQ(answer.header("Retry-After"), "2");
  EXPECT_EQ(store().counts().parked, 0U);
}

TEST_F(job_waiting, with_a_tag_is_for_any_change) {
  options.max_running = 1;
  open();
  begin();
  work = counts;
  const auto path = begin();
  s.settle();
  auto& turn = waits_for(path, known(path) + "Prefer: wait=20\r\n");
  auto& w = waits_for(path, "Prefer: wait=30\r\n");
  s.advance(10s);
  EXPECT_NE(turn.next().body.find("\"state\":\"running\""), std::string::npos) << "its turn has come";
  for (int percent = 10; percent < 100; percent += 10) {
    auto& next = waits_for(path, known(path) + "Prefer: wait=20\r\n");
    s.advance(1s);
    const auto answer = next.next();
    EXPECT_EQ(answer.code, 200);
    EXPECT_NE(answer.body.find("\"progress\":" + std::to_string(percent)), std::string::npos) << answer.body;
    EXPECT_EQ(answer.header("Preference-Applied"), "wait=20");
  }
  EXPECT_EQ(w.now(), "");
  auto& last = waits_for(path, known(path) + "Prefer: wait=20\r\n");
  s.advance(1s);
  for (auto* end : {&w, &last}) EXPECT_NE(end->next().body.find("counted"), std::string::npos);
}

TEST_F(job_waiting, with_a_tag_ends_with_304) {
  open();
  const auto path = begin();
  s.settle();
  const auto tag = known(path);
  for (const std::string& tags : {tag, std::string("If-None-Match: *\r\n")}) {
    auto& w = waits_for(path, tags + "Prefer: wait=3\r\n");
    s.advance(2999ms);
    EXPECT_EQ(w.now(), "");
    s.advance(1ms);
    const auto answer = w.next();
    EXPECT_EQ(answer.code, 304);
    EXPECT_EQ(answer.header("Preference-Applied"), "wait=3");
    EXPECT_EQ(answer.header("Retry-After"), "2");
    EXPECT_EQ("If-None-Match: " + answer.header("ETag") + "\r\n", tag);
  }
}

TEST_F(job_waiting, is_not_for_who_knows_less_than_there_is) {
  open();
  work = counts;
  const auto path = begin();
  s.settle();
  const auto old = known(path);
  s.advance(1s);
  const auto news = ask(path, old + "Prefer: wait=20\r\n");
  EXPECT_EQ(news.code, 200);
  EXPECT_NE(news.body.find("\"progress\":10"), std::string::npos);
  EXPECT_EQ(ask(path, "If-None-Match: nonsense\r\nPrefer: wait=20\r\n").code, 200);
  s.advance(20s);
  EXPECT_EQ(ask(path, "Prefer: wait=20\r\n").code, 200) << "it is over";
  EXPECT_EQ(ask(path, known(path) + "Prefer: wait=20\r\n").code, 304) << "and will not change";
}

TEST_F(job_waiting, when_it_is_cancelled) {
  open();
  const auto path = begin();
  auto& end = waits_for(path);
  auto& change = waits_for(path, known(path) + "Prefer: wait=20\r\n");
  EXPECT_EQ(cancel(path).code, 202);
  EXPECT_NE(end.next().body.find("\"state\":\"cancelled\""), std::string::npos);
  EXPECT_NE(change.next().body.find("\"cancelling\":true"), std::string::npos) << "that is a change";
}

TEST_F(job_waiting, as_the_client_prefers) {
  open();
  work = [](ap::job&, std::string) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(1h);
    co_return "";
  };
  const auto path = begin();
  for (const char* prefer : {"wait=5", "respond-async, wait=5", "wait=5, wait=9", "WAIT = 5",
                             "return=minimal;x=\",\", "
                             "wait=5;y",
                             "handling=lenient\r\nPrefer: wait=5"}) {
    auto& w = waits_for(path, "Prefer: " + std::string(prefer) + "\r\n");
    s.advance(4999ms);
    EXPECT_EQ(w.now(), "") << prefer;
    s.advance(1ms);
    EXPECT_EQ(w.next().header("Preference-Applied"), "wait=5") << prefer;
  }
  for (const char* prefer : {"wait=0", "wait", "wait=", "wait=-1", "wait=x", "wait=1.5", "wait=\"5\"", "waits=1", "",
                             ",", "respond-async", "return=minimal", "wait=x, wait=5"}) {
    const auto answer = ask(path, "Prefer: " + std::string(prefer) + "\r\n");
    EXPECT_EQ(answer.code, 200) << prefer;
    EXPECT_FALSE(answer.has("Preference-Applied")) << prefer;
  }
  for (const char* prefer : {"wait=31", "wait=1000", "wait=1000000000", "wait=1000000001", "wait=4294967297",
                             "wait=18446744073709551616", "wait=99999999999999999999999999"}) {
    auto& w = waits_for(path, "Prefer: " + std::string(prefer) + "\r\n");
    s.advance(29'999ms);
    EXPECT_EQ(w.now(), "") << prefer;
    s.advance(1ms);
    EXPECT_EQ(w.next().header("Preference-Applied"), "wait=30") << prefer << ": no longer than the server lets";
  }
}

TEST_F(job_waiting, only_so_many_do) {
  options.parked = 3;
  open();
  const auto path = begin();
  std::vector<wire*> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(&waits_for(path));
  EXPECT_EQ(store().counts().parked, 3U);
  for (int i = 0; i < 300; ++i) { // a hundred times the limit
    const auto refused = ask(path, "Prefer: wait=20\r\n");
    ASSERT_EQ(refused.code, 503);
    ASSERT_EQ(refused.header("Content-Type"), "application/problem+json");
    const int after = std::stoi(refused.header("Retry-After"));
    ASSERT_TRUE(after >= 1 && after <= 5) << after;
  }
  EXPECT_EQ(ask(path).code, 200) << "who does not wait is answered";
  EXPECT_EQ(store().counts().parked, 3U);
  clients.front()->close();
  s.settle();
  EXPECT_EQ(store().counts().parked, 2U) << "a place is free at once";
  clients.front() = &waits_for(path);
  s.advance(10s);
  for (auto* w : clients) EXPECT_EQ(w->next().code, 200);
  EXPECT_EQ(store().counts().parked, 0U);
}

TEST_F(job_waiting, is_not_held_up_by_other_jobs) {
  open();
  how.priority = 1;
  work = counts;
  std::vector<std::string> paths;
  for (int i = 0; i < 300; ++i) paths.push_back(begin()); // they share some bells
  how.priority = 0;
  work = sleeps;
  options.max_running = 400;
  std::vector<wire*> clients;
  for (const auto& path : paths) clients.push_back(&waits_for(path, "Prefer: wait=30\r\n"));
  s.advance(5s);
  for (auto* w : clients) ASSERT_EQ(w->now(), "");
  for (int i = 0; i < 300; i += 2) cancel(paths[std::size_t(i)]);
  s.settle();
  for (int i = 0; i < 300; i += 2)
    ASSERT_NE(clients[std::size_t(i)]->next().body.find("cancelled"), std::string::npos) << i;
  for (int i = 1; i < 300; i += 2) ASSERT_EQ(clients[std::size_t(i)]->now(), "") << i;
  s.advance(10min);
}

TEST_F(job_waiting, a_job_that_is_forgotten_meanwhile_is_answered_all_the_same) {
  options.max_jobs = 1;
  options.forget_ended = true;
  open();
  const auto path = begin("x");
  auto& w = waits_for(path);
  w.hold(); // the answer stays in the stream
  s.advance(10s);
  begin(); // makes room for itself
  EXPECT_EQ(ask(path).code, 404);
  w.hold(false);
  EXPECT_NE(w.next().body.find("slept x"), std::string::npos);
}

TEST_F(job_waiting, requests_behind_it_on_the_connection_wait_too) {
  open();
  const auto path = begin();
  auto& w = s.client();
  w.send(get(path, "Prefer: wait=20\r\n") + get(path + "/result") + get("/none"));
  EXPECT_EQ(w.now(), "");
  s.advance(10s);
  EXPECT_NE(w.next().body.find("succeeded"), std::string::npos);
  EXPECT_EQ(w.next().body, "slept ");
  EXPECT_EQ(w.next().code, 404);
}

} // namespace
