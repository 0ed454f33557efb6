// SPDX-License-Identifier: BSL-1.0
// The client's submit().
#include "client_harness.hpp"

#include <antiphon/client/layers/retry.hpp>

#include <set>

namespace {

using namespace job_tests;

class job_submit : public job_client {
 protected:
  struct result {
    bool done = false;
    std::string url, what;
    ap::error_code ec;
    std::optional<ap::problem> problem;
  };
  result submit(client_request req) {
    auto to = std::make_shared<result>();
    asio::co_spawn(
        io,
        [](ap::client c, client_request sent, std::shared_ptr<result> out) -> asio::awaitable<void> {
          out->url = co_await ap::jobs::submit(c, std::move(sent));
        }(client, std::move(req), to),
        [to](std::exception_ptr e) {
          to->done = true;
          try {
            if (e) std::rethrow_exception(e);
          } catch (const ap::job_failure& f) {
            to->problem = f.problem();
          } catch (const ap::system_error& f) {
            to->ec = f.code();
          }
        });
    time.advance(1min);
    EXPECT_TRUE(to->done);
    return *to;
  }
  static client_request post(std::string url = "http://h/jobs") {
    return client_request(method::post, std::move(url)).body("input", "text/plain");
  }
};

TEST_F(job_submit, gives_the_url_that_await_job_takes) {
  const ap::job_store<std::string> store(io);
  app.post("/jobs", [&](ap::request& req) {
    return store.accept(req, [body = req.take_body()](ap::job&) -> asio::awaitable<std::string> {
      co_await ap::sleep_for(1s);
      co_return body + "!";
    });
  });
  open(store);
  const auto job = submit(post());
  ASSERT_EQ(job.url.substr(0, 14), "http://h/jobs/") << job.ec.message();
  EXPECT_EQ(job.url.size(), 14U + 32);
  const auto w = wait(job.url);
  time.advance(1s);
  EXPECT_EQ(w->value, "input!");
  // The answer may be the end of the job already.
  const auto at_once = submit(post().header("Prefer", "wait=10"));
  EXPECT_EQ(wait(at_once.url)->value, "input!");
  EXPECT_NE(at_once.url, job.url);
}

TEST_F(job_submit, is_sent_with_a_key) {
  std::set<std::string> keys;
  app.post("/jobs", [&](ap::request& req) {
    keys.insert(std::string(req.header("Idempotency-Key")));
    return std::move(ap::response(ap::status::accepted).set("Location", "/jobs/1"));
  });
  serve();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(submit(post()).url, "http://h/jobs/1");
  ASSERT_EQ(keys.size(), 3U) << "each has another one";
  for (const auto& key : keys) {
    EXPECT_EQ(key.size(), 34U);
    EXPECT_TRUE(key.front() == '"' && key.back() == '"') << key;
  }
  keys.clear();
  submit(post().idempotency_key("mine"));
  EXPECT_EQ(keys, std::set<std::string>{"mine"});
}

TEST_F(job_submit, a_request_that_is_repeated_makes_one_job) {
  const ap::job_store<std::string> store(io);
  app.post("/jobs", [&](ap::request& req) { return store.accept(req, counts); });
  open(store);
  client.use(ap::retry());
  std::size_t n = 0;
  budget = [&]() -> std::optional<std::size_t> { // the answers are lost
    return n++ < 2 ? std::optional<std::size_t>(0) : std::nullopt;
  };
  const auto job = submit(post());
  EXPECT_FALSE(job.url.empty()) << job.ec.message();
  EXPECT_EQ(n, 3U);
  EXPECT_EQ(store.list().size(), 1U);
}

TEST_F(job_submit, the_place_may_be_relative) {
  std::string location;
  app.post("/a/jobs", [&](ap::request&) {
    ap::response res(ap::status::accepted);
    if (!location.empty()) res.set("Location", location);
    return res;
  });
  app.post("/moved", [&](ap::request&) { return ap::redirect("/a/jobs", ap::status::temporary_redirect); });
  serve();
  for (const auto& [said, url] : {std::pair("/jobs/1", "http://h/jobs/1"),
                                  {"jobs/1", "http://h/a/jobs/1"},
                                  {"1", "http://h/a/1"},
                                  {"?job=1", "http://h/a/jobs?job=1"},
                                  {"../x", "http://h/x"},
                                  {"http://h/y", "http://h/y"},
                                  {"http://other:81/y", "http://other:81/y"},
                                  {"//other/y", "http://other/y"}}) {
    location = said;
    EXPECT_EQ(submit(post("http://h/a/jobs")).url, url);
  }
  location = "jobs/1";
  EXPECT_EQ(submit(post("http://h/moved")).url, "http://h/a/jobs/1") << "of where the answer came from";
  for (const char* none : {"", "ftp://h/x", "http:///"}) {
    location = none;
    EXPECT_EQ(submit(post("http://h/a/jobs")).ec, ap::jobs::error::bad_answer) << none;
  }
}

TEST_F(job_submit, refusals_are_problems) {
  ap::response (*answer)() = nullptr;
  app.post("/jobs", [&](ap::request&) { return answer(); });
  serve();
  const auto refused = [&](ap::response (*f)()) {
    answer = f;
    const auto r = submit(post());
    EXPECT_TRUE(r.problem) << r.ec.message();
    return r.problem.value_or(ap::problem(ap::status::ok)).to_json();
  };
  EXPECT_EQ(
      refused([]() -> ap::response {
        return ap::problem(ap::status::service_unavailable).title("Full").detail("come back").extra("n", "{\"a\":[]}");
      }),
      "{\"title\":\"Full\",\"status\":503,\"detail\":\"come back\",\"n\":{\"a\":[]}}");
  EXPECT_EQ(refused([] { return ap::response(ap::status::not_found); }), "{\"title\":\"Not Found\",\"status\":404}");
  EXPECT_EQ(refused([] { return ap::text("<html>", ap::status::bad_gateway); }),
            "{\"title\":\"Bad Gateway\",\"status\":502}");
  for (const char* broken : {"", "[]", "{", "{\"x\":}", "\"text\"", "{} {}", "7"}) {
    static const char* text;
    text = broken;
    EXPECT_EQ(refused([] { return ap::response(ap::status::conflict, std::string(text), "application/json"); }),
              "{\"title\":\"Conflict\",\"status\":409}")
        << broken;
  }
  EXPECT_EQ(refused([] {
              return ap::response(ap::status::conflict, std::string("{\"detail\":\"no\"}"), "application/json");
            }),
            "{\"title\":\"Conflict\",\"status\":409,\"detail\":\"no\"}")
      << "the status of the answer, where the problem says none";
}

TEST_F(job_submit, what_cannot_be_sent_is_an_error) {
  down = true;
  EXPECT_EQ(submit(post()).ec, asio::error::connection_refused);
  EXPECT_EQ(submit(post("nonsense")).ec, ap::client_error::bad_url);
}

} // namespace
