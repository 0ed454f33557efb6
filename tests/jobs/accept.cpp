// SPDX-License-Identifier: BSL-1.0
// Taking jobs over HTTP: what the answer says, and where the job is.
#include "http_harness.hpp"

namespace {

using namespace antiphon_tests;

class job_accept : public jobs_over_http {};

TEST_F(job_accept, answers_at_once_where_the_job_is) {
  open();
  const auto answer = submit("x");
  EXPECT_EQ(answer.code, 202);
  EXPECT_EQ(without_ids(answer.body), "{\"id\":\"ID\",\"state\":\"pending\",\"created\":\"TIME\"}");
  const auto at = answer.header("Location");
  EXPECT_EQ(without_ids(at), "/jobs/ID");
  EXPECT_NE(answer.body.find("\"id\":\"" + at.substr(6) + '"'), std::string::npos);
  EXPECT_EQ(answer.header("Retry-After"), "2");
  EXPECT_EQ(answer.header("Link"), "<" + at + "/events>; rel=\"monitor\"; type=\"text/event-stream\"");
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.header("Vary"), "Prefer");
  EXPECT_FALSE(answer.has("ETag") || answer.has("Content-Location") || answer.has("Preference-Applied"));
  EXPECT_NE(begin(), begin()) << "each is another one";
}

TEST_F(job_accept, answers_200_with_the_result_where_the_client_waits_long_enough) {
  open();
  auto& w = waits(post("/jobs", "x", "Prefer: respond-async, wait=20\r\n"));
  s.advance(9999ms);
  EXPECT_EQ(w.now(), "");
  s.advance(1ms);
  const auto answer = w.next();
  EXPECT_EQ(answer.code, 200);
  EXPECT_NE(answer.body.find("\"state\":\"succeeded\""), std::string::npos);
  EXPECT_NE(answer.body.find("\"result\":\"slept x\""), std::string::npos);
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=20");
  EXPECT_EQ(without_ids(answer.header("Location")), "/jobs/ID");
  EXPECT_EQ(answer.header("Content-Location"), answer.header("Location")) << "it is the job's status";
  EXPECT_FALSE(answer.has("Retry-After") || answer.has("ETag"));
  EXPECT_EQ(ask(answer.header("Location")).body, answer.body);
}

TEST_F(job_accept, answers_202_where_the_wait_is_over_first) {
  open();
  auto& w = waits(post("/jobs", "x", "Prefer: wait=3\r\n"));
  s.advance(2999ms);
  EXPECT_EQ(w.now(), "");
  s.advance(1ms);
  const auto answer = w.next();
  EXPECT_EQ(answer.code, 202);
  EXPECT_NE(answer.body.find("\"state\":\"running\""), std::string::npos);
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=3");
  EXPECT_EQ(answer.header("Retry-After"), "2");
  s.advance(7s);
  EXPECT_NE(ask(answer.header("Location")).body.find("\"result\":\"slept x\""), std::string::npos);
}

TEST_F(job_accept, a_failure_in_that_time_is_the_status_of_the_job_too) {
  open();
  work = [](ap::job&, std::string) -> asio::awaitable<std::string> {
    throw ap::job_failure(ap::problem(ap::status::not_found));
    co_return "";
  };
  const auto answer = submit("", "Prefer: wait=1\r\n");
  EXPECT_EQ(answer.code, 200);
  EXPECT_NE(answer.body.find("\"state\":\"failed\""), std::string::npos);
  EXPECT_NE(answer.body.find("\"status\":404"), std::string::npos);
}

TEST_F(job_accept, a_client_that_goes_while_it_waits_leaves_the_job_alone) {
  open();
  auto& w = waits(post("/jobs", "x", "Prefer: wait=20\r\n"));
  EXPECT_EQ(store().counts().parked, 1U);
  w.close();
  s.settle();
  EXPECT_EQ(store().counts().parked, 0U);
  s.advance(10s);
  const auto all = store().list();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].state, ap::job_state::succeeded);
}

TEST_F(job_accept, a_job_that_was_taken_is_named_also_where_too_many_wait) {
  options.parked = 1;
  open();
  auto& first = waits(post("/jobs", "1", "Prefer: wait=20\r\n"));
  const auto second = submit("2", "Prefer: wait=20\r\n");
  EXPECT_EQ(second.code, 202) << "503 would make it send the job again, and there would be two";
  EXPECT_EQ(without_ids(second.header("Location")), "/jobs/ID");
  EXPECT_FALSE(second.has("Preference-Applied"));
  EXPECT_EQ(second.header("Retry-After"), "2");
  s.advance(10s);
  EXPECT_EQ(first.next().code, 200);
}

TEST_F(job_accept, too_many_jobs_and_too_much_input_are_503) {
  options.max_jobs = 2;
  options.max_input = 100;
  open();
  for (const std::string& body : {std::string(101, 'x'), std::string(10'000, 'x')}) {
    const auto answer = submit(body);
    EXPECT_EQ(answer.code, 503) << body.size();
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    const int after = std::stoi(answer.header("Retry-After"));
    EXPECT_TRUE(after >= 1 && after <= 5) << after;
    EXPECT_FALSE(answer.has("Location"));
  }
  begin(std::string(60, 'x'));
  EXPECT_EQ(submit(std::string(41, 'x')).code, 503);
  begin(std::string(40, 'x'));
  EXPECT_EQ(store().counts().input, 100U);
  const auto third = submit();
  EXPECT_EQ(third.code, 503);
  EXPECT_TRUE(third.has("Retry-After"));
  s.advance(10s);
  EXPECT_EQ(store().counts().input, 0U) << "what has ended holds none";
  EXPECT_EQ(submit().code, 503) << "but it is kept";
  s.advance(10min);
  begin(std::string(100, 'x'));
}

TEST_F(job_accept, the_input_is_the_body_whoever_has_taken_it) {
  open();
  app.post("/view", [this](ap::request& req) {
    return store().accept(req, [](ap::job& j) { return sleeps(j, ""); }, {.input = 5, .at = "/jobs"});
  });
  submit("1234567");
  EXPECT_EQ(store().counts().input, 7U);
  s.ask(post("/view", "1234567"));
  EXPECT_EQ(store().counts().input, 19U);
}

TEST_F(job_accept, a_store_that_stops_takes_none) {
  open();
  s.start();
  bool over = false;
  asio::co_spawn(s.io, store().drain(1s), [&](std::exception_ptr) { over = true; });
  s.settle();
  EXPECT_TRUE(over);
  const auto answer = submit();
  EXPECT_EQ(answer.code, 503);
  EXPECT_TRUE(answer.has("Retry-After"));
  EXPECT_NE(answer.body.find("stopping"), std::string::npos);
}

TEST_F(job_accept, the_place_of_a_job_is_where_it_was_asked_for) {
  open();
  app.post("/users/{user}/jobs", [this](ap::request& req) { return take(req); });
  app.mount("/users/{user}/jobs", store().routes());
  app.post("/tail/", [this](ap::request& req) { return take(req); });
  app.mount("/tail", store().routes());
  app.post("/any/{rest...}", [this](ap::request& req) { return take(req); });
  const auto place = [&](std::string_view path) {
    const auto answer = s.ask(post(path, ""));
    EXPECT_EQ(answer.code, 202) << path;
    const auto at = answer.header("Location");
    EXPECT_EQ(answer.header("Link"), "<" + at + "/events>; rel=\"monitor\"; type=\"text/event-stream\"");
    return at;
  };
  const auto of_ann = place("/users/ann/jobs");
  EXPECT_EQ(without_ids(of_ann), "/users/ann/jobs/ID");
  EXPECT_EQ(ask(of_ann).header("Link"), "<" + of_ann + "/events>; rel=\"monitor\"; type=\"text/event-stream\"");
  const auto escaped = place("/users/a%20%2f%3e%22b/jobs?x=1");
  EXPECT_EQ(without_ids(escaped), "/users/a%20%2f%3e%22b/jobs/ID") << "as it was sent, without the query";
  EXPECT_EQ(ask(escaped).header("Link"), "<" + escaped + "/events>; rel=\"monitor\"; type=\"text/event-stream\"");
  const auto tail = place("/tail/");
  EXPECT_EQ(without_ids(tail), "/tail/ID");
  EXPECT_EQ(ask(tail).code, 200);
  EXPECT_EQ(without_ids(place("/any/a//b///")), "/any/a//b/ID");
  EXPECT_EQ(s.ask(post("http://h/jobs", "")).header("Location").substr(0, 6), "/jobs/") << "absolute form";
}

TEST_F(job_accept, what_may_not_stand_in_a_link_is_escaped) {
  open();
  app.post("/any/{rest...}", [this](ap::request& req) { return take(req); });
  for (const auto& [sent, place] : {std::pair("/any/a>b", "/any/a%3Eb"),
                                    {"/any/a\"b", "/any/a%22b"},
                                    {"/any/<", "/any/%3C"},
                                    {"/any/a{b}", "/any/a%7Bb%7D"},
                                    {"/any/a,b;c=1:2@3", "/any/a,b;c=1:2@3"}}) {
    const auto answer = s.ask(post(sent, ""));
    if (answer.code == 400) continue; // no target at all
    EXPECT_EQ(without_ids(answer.header("Location")), std::string(place) + "/ID");
    EXPECT_EQ(without_ids(answer.header("Link")),
              "<" + std::string(place) + "/ID/events>; rel=\"monitor\"; type=\"text/event-stream\"");
  }
}

TEST_F(job_accept, a_path_of_two_slashes_names_no_other_server) {
  app.post("/{rest...}", [this](ap::request& req) { return take(req); });
  app.mount("/{a}/{b}", store().routes());
  const auto answer = s.ask(post("//evil.example/jobs", ""));
  EXPECT_EQ(answer.code, 202);
  EXPECT_EQ(without_ids(answer.header("Location")), "/.//evil.example/jobs/ID");
  EXPECT_EQ(without_ids(answer.header("Link")),
            "</.//evil.example/jobs/ID/events>; rel=\"monitor\"; type=\"text/event-stream\"");
}

TEST_F(job_accept, the_program_may_say_where_the_routes_are) {
  open();
  for (const auto& [at, place] : {std::pair("/jobs", "/jobs/ID"),
                                  {"/jobs/", "/jobs/ID"},
                                  {"/", "/ID"},
                                  {"/api/v1/j%C3%B6bs", "/api/v1/j%C3%B6bs/ID"},
                                  {"/a b", "/a%20b/ID"}}) {
    how.at = at;
    const auto answer = submit();
    EXPECT_EQ(without_ids(answer.header("Location")), place);
    EXPECT_EQ(without_ids(answer.header("Link")),
              "<" + std::string(place) + "/events>; rel=\"monitor\"; type=\"text/event-stream\"");
  }
}

} // namespace
