// SPDX-License-Identifier: BSL-1.0
// The list of all jobs, for those who may see it.
#include "http_harness.hpp"

#include <stdexcept>
#include <vector>

namespace {

using namespace antiphon_tests;

class job_listing : public jobs_over_http {
 protected:
  void open() {
    app.post("/jobs", [this](ap::request& req) { return take(req); });
    app.mount("/jobs", store().routes([](const ap::request& req) { return req.header("Who") == "operator"; }));
  }
  reply list(std::string_view query = {}) { return ask("/jobs" + std::string(query), "Who: operator\r\n"); }
  static std::vector<std::string> ids(std::string_view body) {
    std::vector<std::string> found;
    for (auto at = body.find("\"id\":\""); at != body.npos; at = body.find("\"id\":\"", at + 1))
      found.emplace_back(body.substr(at + 6, 32));
    return found;
  }
};

TEST_F(job_listing, is_for_some_only) {
  open();
  begin();
  const auto refused = ask("/jobs");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(refused.body.find("\"id\""), std::string::npos);
  EXPECT_EQ(ask("/jobs?limit=0").code, 403) << "nor is it told what it takes";
  const auto answer = list();
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(without_ids(answer.body), "{\"jobs\":[{\"id\":\"ID\",\"state\":\"running\",\"created\":\"TIME\"}]}");
  EXPECT_FALSE(answer.has("Link"));
  EXPECT_EQ(s.ask(head_of("HEAD", "/jobs", "Who: operator\r\n")).header("Content-Length"),
            std::to_string(answer.body.size()));
  EXPECT_EQ(s.ask(head_of("PUT", "/jobs", "Content-Length: 0\r\n")).header("Allow"), "GET, HEAD, POST, OPTIONS");
}

TEST_F(job_listing, of_nothing_is_empty) {
  open();
  EXPECT_EQ(list().body, "{\"jobs\":[]}");
}

TEST_F(job_listing, tells_no_results_but_what_went_wrong) {
  open();
  work = [](ap::job& job, std::string body) -> asio::awaitable<std::string> {
    job.report(50);
    if (body == "bad") throw std::runtime_error("line \"1\"\nis bad");
    if (body == "known") throw ap::job_failure(ap::problem(ap::status::conflict));
    co_return "secret";
  };
  begin("good");
  begin("bad");
  begin("known");
  s.settle();
  EXPECT_EQ(without_ids(list().body),
            "{\"jobs\":[{\"id\":\"ID\",\"state\":\"failed\",\"created\":\"TIME\",\"progress\":50,"
            "\"error\":{\"title\":\"Conflict\",\"status\":409},\"what\":\"{\\\"title\\\":\\\"Conflict\\\","
            "\\\"status\\\":409}\"},"
            "{\"id\":\"ID\",\"state\":\"failed\",\"created\":\"TIME\",\"progress\":50,"
            "\"error\":{\"title\":\"Internal Server Error\",\"status\":500},\"what\":\"line \\\"1\\\"\\nis bad\"},"
            "{\"id\":\"ID\",\"state\":\"succeeded\",\"created\":\"TIME\",\"progress\":50}]}");
}

TEST_F(job_listing, comes_in_pages) {
  options.max_running = 1000;
  open();
  std::vector<std::string> made;
  for (int i = 0; i < 250; ++i) made.insert(made.begin(), begin().substr(6));
  std::vector<std::string> seen;
  std::string next;
  std::vector<std::size_t> sizes;
  do {
    const auto page = list(next);
    ASSERT_EQ(page.code, 200);
    const auto of_page = ids(page.body);
    sizes.push_back(of_page.size());
    seen.insert(seen.end(), of_page.begin(), of_page.end());
    const auto link = page.header("Link");
    next.clear();
    if (link.empty()) continue;
    ASSERT_TRUE(link.starts_with("<?") && link.ends_with(">; rel=\"next\"")) << link;
    next = link.substr(1, link.find('>') - 1);
    begin(); // what comes meanwhile moves nothing
  } while (!next.empty());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{100, 100, 50}));
  EXPECT_EQ(seen, made) << "the newest first, each once";
  EXPECT_EQ(ids(list("?limit=1000").body).size(), 252U);
  EXPECT_EQ(ids(list("?limit=1").body).size(), 1U);
  EXPECT_TRUE(ids(list("?before=0").body).empty());
  EXPECT_EQ(ids(list("?before=2").body), (std::vector<std::string>{made.back()}));
  EXPECT_EQ(ids(list("?before=18446744073709551615&limit=1000").body).size(), 252U);
}

TEST_F(job_listing, may_be_of_one_state) {
  options.max_running = 3;
  open();
  std::vector<std::string> all;
  for (int i = 0; i < 6; ++i) all.push_back(begin().substr(6));
  s.settle();
  cancel("/jobs/" + all[5]);
  s.settle();
  EXPECT_EQ(ids(list("?state=running").body), (std::vector{all[2], all[1], all[0]}));
  EXPECT_EQ(ids(list("?state=pending").body), (std::vector{all[4], all[3]}));
  EXPECT_EQ(ids(list("?state=cancelled").body), (std::vector{all[5]}));
  EXPECT_TRUE(ids(list("?state=failed").body).empty());
  const auto page = list("?state=running&limit=2");
  EXPECT_EQ(ids(page.body), (std::vector{all[2], all[1]}));
  const auto link = page.header("Link");
  EXPECT_TRUE(link.starts_with("<?state=running&limit=2&before=")) << link;
  EXPECT_EQ(ids(list(link.substr(1, link.find('>') - 1)).body), (std::vector{all[0]}));
  s.advance(10s);
  EXPECT_EQ(ids(list("?state=succeeded").body).size(), 3U);
}

TEST_F(job_listing, bad_parameters_are_400) {
  open();
  for (const char* bad :
       {"?limit=0", "?limit=1001", "?limit=-1", "?limit=", "?limit=x", "?limit=1e2", "?limit=99999999999999999999",
        "?before=", "?before=x", "?before=-1", "?before=18446744073709551616", "?state=", "?state=done",
        "?state=Running", "?state=failed%00"}) {
    const auto answer = list(bad);
    EXPECT_EQ(answer.code, 400) << bad;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_NE(answer.body.find("limit"), std::string::npos) << "it says what it takes";
  }
  EXPECT_EQ(list("?other=1").code, 200);
}

TEST_F(job_listing, has_no_job_that_is_kept_no_more) {
  options.keep_for = 1min;
  options.max_running = 1000;
  open();
  for (int i = 0; i < 200; ++i) begin();
  s.advance(10s + 1min);
  const auto fresh = begin();
  EXPECT_EQ(ids(list("?limit=1000").body), (std::vector{fresh.substr(6)}));
}

TEST_F(job_listing, a_hook_that_throws_is_500) {
  app.mount("/jobs", store().routes([](const ap::request&) -> bool { throw std::runtime_error("no users"); }));
  EXPECT_EQ(ask("/jobs").code, 500);
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_EQ(s.errors[0], "GET /jobs: no users");
}

} // namespace
