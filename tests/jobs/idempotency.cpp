// SPDX-License-Identifier: BSL-1.0
// Idempotency-Key: a request that is sent twice makes one job.
#include "http_harness.hpp"

#include <set>

namespace {

using namespace antiphon_tests;

class job_idempotency : public jobs_over_http {
 protected:
  static std::string key(std::string_view k) { return "Idempotency-Key: " + std::string(k) + "\r\n"; }
};

TEST_F(job_idempotency, the_same_key_is_the_same_job) {
  open();
  const auto first = begin("x", key("\"k1\""));
  for (const char* same : {"\"k1\"", "k1", " \"k1\" "}) {
    const auto again = submit("x", key(same));
    EXPECT_EQ(again.code, 202) << same;
    EXPECT_EQ(again.header("Location"), first) << same;
  }
  EXPECT_NE(begin("x", key("\"k2\"")), first);
  EXPECT_NE(begin("x", key("K1")), first) << "letters count";
  EXPECT_NE(begin("x"), first);
  s.advance(10s);
  const auto late = submit("x", key("k1"));
  EXPECT_EQ(late.code, 200) << "it is over, and is not done again";
  EXPECT_EQ(late.header("Location"), first);
  EXPECT_EQ(late.header("Content-Location"), first);
  EXPECT_NE(late.body.find("\"result\":\"slept x\""), std::string::npos);
  EXPECT_EQ(store().counts().over, 4U);
}

TEST_F(job_idempotency, who_sends_it_again_may_wait_as_well) {
  open();
  const auto first = begin("x", key("k"));
  s.advance(4s);
  auto& w = waits(post("/jobs", "x", key("k") + "Prefer: wait=20\r\n"));
  s.advance(6s);
  const auto answer = w.next();
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.header("Location"), first);
  EXPECT_NE(answer.body.find("slept x"), std::string::npos);
}

TEST_F(job_idempotency, with_another_payload_is_422) {
  open();
  app.put("/jobs", [this](ap::request& req) { return take(req); });
  app.post("/more", [this](ap::request& req) { return take(req); });
  const auto first = s.ask(post("/jobs", "x", "Content-Type: text/plain\r\n" + key("k"))).header("Location");
  const std::string same_type = "Content-Type: text/plain\r\n";
  for (const std::string& other :
       {post("/jobs", "y", same_type + key("k")), post("/jobs", "", same_type + key("k")),
        post("/jobs", "xx", same_type + key("k")), post("/jobs", "x", key("k")),
        post("/jobs", "x", "Content-Type: text/html\r\n" + key("k")), post("/jobs?a=1", "x", same_type + key("k")),
        post("/more", "x", same_type + key("k")),
        head_of("PUT", "/jobs", "Content-Length: 1\r\n" + same_type + key("k")) + "x"}) {
    const auto answer = s.ask(other);
    EXPECT_EQ(answer.code, 422) << other;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_NE(answer.body.find("another payload"), std::string::npos);
    EXPECT_FALSE(answer.has("Location"));
  }
  const auto again = s.ask(post("/jobs", "x", same_type + "X-Other: 1\r\n" + key("k")));
  EXPECT_EQ(again.header("Location"), first) << "other fields do not matter";
  EXPECT_EQ(store().list().size(), 1U);
}

TEST_F(job_idempotency, bodies_are_told_apart_whoever_takes_them) {
  open();
  const auto reads = [](ap::job& j) { return sleeps(j, ""); };
  app.post("/view", [&, this](ap::request& req) { return store().accept(req, reads, {.at = "/jobs"}); });
  app.post("/late", [&, this](ap::request& req) {
    auto answer = store().accept(req, reads, {.at = "/jobs"});
    EXPECT_FALSE(req.take_body().empty());
    return answer;
  });
  app.post("/twice", [&, this](ap::request& req) {
    EXPECT_FALSE(req.take_body().empty());
    EXPECT_TRUE(req.take_body().empty());
    return store().accept(req, reads, {.at = "/jobs"});
  });
  const std::string large(200'000, 'x');
  auto other = large;
  other[100'000] = 'y';
  for (const std::string& path :
       {std::string("/jobs"), std::string("/view"), std::string("/late"), std::string("/twice")}) {
    const auto k = key("of" + path);
    const auto first = s.ask(post(path, large, k)).header("Location");
    EXPECT_EQ(s.ask(post(path, large, k)).header("Location"), first) << path;
    EXPECT_EQ(s.ask(post(path, other, k)).code, 422) << path;
    EXPECT_EQ(s.ask(chunked(path, {std::string_view(large).substr(0, 7), std::string_view(large).substr(7)}, k))
                  .header("Location"),
              first)
        << path << ": framing is none of the payload";
  }
}

TEST_F(job_idempotency, keys_that_are_none_are_400) {
  open();
  const std::string longest(255, 'k');
  begin("", key(longest));
  begin("", key('"' + std::string(255, 'q') + '"'));
  for (const std::string& bad :
       {std::string(), std::string("\"\""), std::string(256, 'k'), '"' + std::string(256, 'k') + '"',
        std::string(7000, 'k'), std::string("a b"), std::string("\"a b\""), std::string("\"a"), std::string("a\""),
        std::string("\""), std::string("a\"b"), std::string("a\\b"), std::string("\"a\";x=1"), std::string("a\tb"),
        std::string("\xc3\xa9"), std::string("\"a\", \"b\"")}) {
    const auto answer = submit("x", key(bad));
    EXPECT_EQ(answer.code, 400) << bad;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_NE(answer.body.find("Idempotency-Key"), std::string::npos);
  }
  EXPECT_EQ(submit("x", key("a") + key("a")).code, 400) << "twice";
  EXPECT_EQ(submit("x", key("a") + key("b")).code, 400);
  EXPECT_EQ(store().list().size(), 2U);
  EXPECT_EQ(store().counts().input, 0U) << "what was refused holds nothing";
}

TEST_F(job_idempotency, keys_are_of_a_user) {
  app.post("/jobs", [this](ap::request& req) {
    return store().accept(req, [](ap::job& j) { return sleeps(j, ""); }, {.scope = req.header("User")});
  });
  app.mount("/jobs", store().routes());
  std::set<std::string> places;
  for (const char* user : {"ann", "bob", "", "a", "k"}) {
    const auto fields = "User: " + std::string(user) + "\r\n" + key("k");
    const auto at = begin("x", fields);
    EXPECT_EQ(begin("x", fields), at);
    places.insert(at);
  }
  EXPECT_EQ(places.size(), 5U);
  EXPECT_EQ(submit("y", "User: ann\r\n" + key("k")).code, 422);
}

TEST_F(job_idempotency, a_key_is_known_as_long_as_its_job) {
  options.keep_for = 1min;
  open();
  const auto first = begin("x", key("k"));
  s.advance(10s + 1min - 1ms);
  EXPECT_EQ(submit("x", key("k")).header("Location"), first);
  EXPECT_EQ(submit("y", key("k")).code, 422);
  s.advance(1ms);
  const auto second = begin("y", key("k"));
  EXPECT_NE(second, first);
  EXPECT_EQ(ask(first).code, 404);
  EXPECT_EQ(ask(second).code, 200);
}

TEST_F(job_idempotency, a_key_of_a_crowd_that_has_gone_makes_a_new_job) {
  options.keep_for = 1min;
  options.max_running = 1000;
  open();
  std::string last;
  for (int i = 0; i < 300; ++i) last = begin("x", key(std::to_string(i)));
  s.advance(10s + 1min);
  // They are not all destroyed at once.
  const auto again = begin("x", key("299"));
  EXPECT_NE(again, last);
  EXPECT_EQ(ask(again).code, 200);
  EXPECT_EQ(begin("x", key("299")), again);
  for (int i = 0; i < 299; ++i) EXPECT_EQ(ask(begin("y", key(std::to_string(i)))).code, 200) << i;
}

TEST_F(job_idempotency, a_key_whose_job_made_room_is_free) {
  options.max_jobs = 1;
  options.forget_ended = true;
  open();
  const auto first = begin("x", key("k"));
  s.advance(10s);
  EXPECT_EQ(submit("x", key("k")).header("Location"), first) << "a known key needs no room";
  begin("x", key("other"));
  s.advance(10s);
  EXPECT_NE(begin("y", key("k")), first);
}

TEST_F(job_idempotency, duplicates_at_once_make_one_job) {
  open();
  std::vector<wire*> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(&s.client());
  const auto bytes = post("/jobs", "x", key("\"one\""));
  for (auto* w : clients) w->put(bytes); // all there before the server looks
  s.settle();
  std::set<std::string> places;
  for (auto* w : clients) {
    const auto answer = w->next();
    EXPECT_EQ(answer.code, 202);
    places.insert(answer.header("Location"));
  }
  EXPECT_EQ(places.size(), 1U);
  EXPECT_EQ(store().list().size(), 1U);
  EXPECT_EQ(store().counts().input, 1U);
  auto& pipelined = s.client();
  pipelined.send(bytes + bytes);
  EXPECT_EQ(pipelined.next().header("Location"), *places.begin());
  EXPECT_EQ(pipelined.next().header("Location"), *places.begin());
}

TEST_F(job_idempotency, a_full_store_still_knows_its_keys) {
  options.max_jobs = 1;
  open();
  const auto first = begin("x", key("k"));
  EXPECT_EQ(submit("x").code, 503);
  EXPECT_EQ(submit("x", key("l")).code, 503);
  EXPECT_EQ(begin("x", key("k")), first);
  EXPECT_EQ(submit("y", key("k")).code, 422);
  s.advance(10s + 10min);
  begin("x", key("l")); // what was refused is not kept under its key
}

} // namespace
