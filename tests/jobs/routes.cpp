// SPDX-License-Identifier: BSL-1.0
#include "http_harness.hpp"

#include <stdexcept>

namespace {

using namespace antiphon_tests;

class job_routes : public jobs_over_http {};

struct svg {};
ap::payload to_payload(const svg&) { return ap::payload::of("<svg/>", "image/svg+xml"); }

/// A result that cannot be sent.
struct broken {};
ap::payload to_payload(const broken&) { throw std::runtime_error("it has no bytes"); }

TEST_F(job_routes, tell_the_status_in_every_state) {
  options.max_running = 1;
  open();
  const auto first = begin(), second = begin("two");
  s.settle();
  const auto running = ask(first);
  EXPECT_EQ(running.code, 200);
  EXPECT_EQ(without_ids(running.body), "{\"id\":\"ID\",\"state\":\"running\",\"created\":\"TIME\"}");
  EXPECT_EQ(running.body.find("\"id\":\"" + first.substr(6) + "\""), 1U) << "its own id";
  EXPECT_EQ(running.header("Content-Type"), "application/json");
  EXPECT_EQ(running.header("Cache-Control"), "no-store");
  EXPECT_EQ(running.header("Vary"), "Prefer");
  EXPECT_EQ(running.header("Retry-After"), "2");
  EXPECT_EQ(running.header("Link"), "<" + first + "/events>; rel=\"monitor\"; type=\"text/event-stream\"");
  EXPECT_FALSE(running.has("Location") || running.has("Preference-Applied"));
  const auto pending = ask(second);
  EXPECT_EQ(pending.code, 200);
  EXPECT_EQ(without_ids(pending.body), "{\"id\":\"ID\",\"state\":\"pending\",\"created\":\"TIME\"}");
  EXPECT_EQ(pending.header("Retry-After"), "2");

  s.advance(10s);
  const auto succeeded = ask(first);
  EXPECT_EQ(succeeded.code, 200);
  EXPECT_EQ(without_ids(succeeded.body),
            "{\"id\":\"ID\",\"state\":\"succeeded\",\"created\":\"TIME\",\"result\":\"slept \","
            "\"result_type\":\"text/plain; charset=utf-8\"}");
  EXPECT_FALSE(succeeded.has("Retry-After")) << "there is nothing to come back for";
  EXPECT_NE(succeeded.header("ETag"), running.header("ETag"));

  EXPECT_NE(ask(second).body.find("\"state\":\"running\""), std::string::npos);
  EXPECT_EQ(cancel(second).code, 202);
  const auto cancelled = ask(second);
  EXPECT_EQ(without_ids(cancelled.body), "{\"id\":\"ID\",\"state\":\"cancelled\",\"created\":\"TIME\",\"error\":"
                                         "{\"title\":\"Cancelled\",\"status\":409}}");
}

TEST_F(job_routes, tell_clients_of_a_failure_what_the_work_wants_them_to_know) {
  open();
  work = [](ap::job&, std::string body) -> asio::awaitable<std::string> {
    if (body == "problem")
      throw ap::job_failure(ap::problem(ap::status::unprocessable_content)
                                .type("https://example.com/no-picture")
                                .detail("this is no \"picture\"")
                                .instance("/pictures/1")
                                .extra("bytes", "7"));
    if (body == "something") throw 7;
    throw std::runtime_error("the password of the database is 123");
    co_return "";
  };
  const auto problem = begin("problem"), secret = begin("secret"), something = begin("something");
  s.settle();
  EXPECT_EQ(without_ids(ask(problem).body),
            "{\"id\":\"ID\",\"state\":\"failed\",\"created\":\"TIME\",\"error\":"
            "{\"type\":\"https://example.com/no-picture\",\"title\":\"Unprocessable Content\",\"status\":422,"
            "\"detail\":\"this is no \\\"picture\\\"\",\"instance\":\"/pictures/1\",\"bytes\":7}}");
  for (const auto& path : {secret, something}) {
    const auto status = ask(path);
    EXPECT_EQ(status.code, 200) << "the status is there, whatever it says";
    EXPECT_EQ(without_ids(status.body), "{\"id\":\"ID\",\"state\":\"failed\",\"created\":\"TIME\",\"error\":"
                                        "{\"title\":\"Internal Server Error\",\"status\":500}}");
  }
  EXPECT_EQ(failed.size(), 3U);

  const auto as_result = ask(problem + "/result");
  EXPECT_EQ(as_result.code, 422);
  EXPECT_EQ(as_result.header("Content-Type"), "application/problem+json");
  EXPECT_NE(as_result.body.find("\"bytes\":7"), std::string::npos);
  EXPECT_EQ(ask(secret + "/result").code, 500);
}

TEST_F(job_routes, tell_progress_as_it_is) {
  open();
  work = [](ap::job& job, std::string body) -> asio::awaitable<std::string> {
    if (body == "number") job.report(42);
    if (body == "fraction") job.report(0.25);
    if (body == "text") job.report(std::string("half \"way\"\n\xc3\xa9"));
    if (body == "no utf-8") job.report(std::string("\xff\xfe"));
    if (body == "bytes") job.report(ap::shared_buffer(std::string("\0\1\2", 3)));
    co_await ap::sleep_for(1s);
    co_return "";
  };
  const auto progress = [&](std::string_view of) {
    const auto path = begin(of);
    s.settle();
    const auto text = without_ids(ask(path).body);
    constexpr std::string_view front = "{\"id\":\"ID\",\"state\":\"running\",\"created\":\"TIME\"";
    EXPECT_TRUE(text.starts_with(front)) << text;
    return text.substr(front.size());
  };
  EXPECT_EQ(progress("number"), ",\"progress\":42}");
  EXPECT_EQ(progress("fraction"), ",\"progress\":0.25}");
  EXPECT_EQ(progress("text"), ",\"progress\":\"half \\\"way\\\"\\n\xc3\xa9\","
                              "\"progress_type\":\"text/plain; charset=utf-8\"}");
  EXPECT_EQ(progress("no utf-8"), ",\"progress\":\"//4=\",\"progress_base64\":true,"
                                  "\"progress_type\":\"text/plain; charset=utf-8\"}");
  EXPECT_EQ(progress("bytes"), ",\"progress\":\"AAEC\",\"progress_base64\":true,"
                               "\"progress_type\":\"application/octet-stream\"}");
  EXPECT_EQ(progress("nothing"), "}");
}

TEST_F(job_routes, a_job_that_is_to_end_says_so_until_it_has) {
  open();
  work = [](ap::job&, std::string) -> asio::awaitable<std::string> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await ap::sleep_for(3s);
    co_return "stubborn";
  };
  const auto path = begin();
  s.settle();
  const auto asked = cancel(path);
  EXPECT_EQ(asked.code, 202);
  EXPECT_EQ(without_ids(asked.body), "{\"id\":\"ID\",\"state\":\"running\",\"created\":\"TIME\",\"cancelling\":true}");
  EXPECT_EQ(asked.header("Retry-After"), "2");
  EXPECT_EQ(cancel(path).code, 202) << "again";
  s.advance(3s);
  EXPECT_NE(ask(path).body.find("\"result\":\"stubborn\""), std::string::npos) << "it was faster";
  const auto late = cancel(path);
  EXPECT_EQ(late.code, 200) << "too late, and nothing changes";
  EXPECT_NE(late.body.find("\"state\":\"succeeded\""), std::string::npos);
}

TEST_F(job_routes, a_job_that_waits_is_cancelled_at_once) {
  options.max_running = 1;
  open();
  begin();
  const auto path = begin();
  const auto answer = cancel(path);
  EXPECT_EQ(answer.code, 200);
  EXPECT_NE(answer.body.find("\"state\":\"cancelled\""), std::string::npos);
  EXPECT_FALSE(answer.has("Retry-After"));
  EXPECT_EQ(answer.header("Link"), "<" + path + "/events>; rel=\"monitor\"; type=\"text/event-stream\"");
}

TEST_F(job_routes, tell_of_another_attempt) {
  how.attempts = 2;
  how.first_wait = 1s;
  open();
  work = [](ap::job& job, std::string) -> asio::awaitable<std::string> {
    if (job.attempt() == 1) throw std::runtime_error("once");
    co_await ap::sleep_for(1min);
    co_return "";
  };
  const auto path = begin();
  s.settle();
  EXPECT_EQ(without_ids(ask(path).body), "{\"id\":\"ID\",\"state\":\"pending\",\"created\":\"TIME\"}")
      << "the error is of an attempt, not of the job";
  s.advance(1s);
  EXPECT_EQ(without_ids(ask(path).body), "{\"id\":\"ID\",\"state\":\"running\",\"created\":\"TIME\",\"attempt\":2}");
}

TEST_F(job_routes, a_poll_of_what_has_not_changed_is_304) {
  open();
  work = counts;
  const auto path = begin();
  s.settle();
  const auto tag = ask(path).header("ETag");
  EXPECT_TRUE(tag.size() > 2 && tag.front() == '"') << tag;
  const auto known = [](std::string_view tags) { return "If-None-Match: " + std::string(tags) + "\r\n"; };
  for (const std::string& tags :
       {tag, "W/" + tag, "\"x\", " + tag, tag + ",\"x\"", std::string("*"), std::string(" * ")}) {
    const auto same = ask(path, known(tags));
    EXPECT_EQ(same.code, 304) << tags;
    EXPECT_EQ(same.body, "");
    EXPECT_EQ(same.header("ETag"), tag);
    EXPECT_EQ(same.header("Retry-After"), "2") << "it is still not over";
    EXPECT_EQ(same.header("Cache-Control"), "no-store");
    EXPECT_EQ(same.header("Vary"), "Prefer");
    EXPECT_FALSE(same.has("Content-Type") || same.has("Content-Length"));
  }
  EXPECT_EQ(ask(path, known("\"x\"") + known(tag)).code, 304) << "in the second line";
  for (const std::string& tags : {std::string("\"x\""), tag.substr(1), std::string(), std::string("\"*\""),
                                  std::string("\"99999999999\""), std::string("\"0\"")})
    EXPECT_EQ(ask(path, known(tags)).code, 200) << tags;
  s.advance(1s);
  const auto news = ask(path, known(tag));
  EXPECT_EQ(news.code, 200);
  EXPECT_NE(news.body.find("\"progress\":10"), std::string::npos);
  s.advance(1min);
  const auto last = ask(path, known(news.header("ETag")));
  EXPECT_NE(last.body.find("\"result\":\"counted\""), std::string::npos);
  EXPECT_EQ(ask(path, known(last.header("ETag"))).code, 304) << "and so it stays";
  EXPECT_FALSE(ask(path, known(last.header("ETag"))).has("Retry-After"));
}

TEST_F(job_routes, results_are_json_text_or_bytes) {
  const ap::job_store<int> numbers(s.io);
  const ap::job_store<ap::shared_buffer> raw(s.io);
  const ap::job_store<void> nothing(s.io);
  const ap::job_store<svg> pictures(s.io);
  app.mount("/numbers", numbers.routes()).mount("/raw", raw.routes()).mount("/nothing", nothing.routes());
  app.mount("/pictures", pictures.routes());
  const auto n = numbers.submit([](ap::job&) -> asio::awaitable<int> { co_return 42; });
  const auto r = raw.submit(
      [](ap::job&) -> asio::awaitable<ap::shared_buffer> { co_return ap::shared_buffer(std::string("\xff\0", 2)); });
  const auto v = nothing.submit([](ap::job&) -> asio::awaitable<void> { co_return; });
  const auto p = pictures.submit([](ap::job&) -> asio::awaitable<svg> { co_return svg(); });
  s.start();
  s.settle();
  const auto check = [&](const std::string& path, std::string_view in_status, std::string_view type,
                         std::string_view bytes) {
    const auto status = ask(path);
    EXPECT_NE(status.body.find(in_status), std::string::npos) << status.body;
    const auto result_alone = ask(path + "/result");
    EXPECT_EQ(result_alone.code, 200);
    EXPECT_EQ(result_alone.header("Content-Type"), type);
    EXPECT_EQ(result_alone.header("Cache-Control"), "no-store");
    EXPECT_EQ(result_alone.body, bytes);
  };
  check("/numbers/" + to_string(n.id()), ",\"result\":42}", "application/json", "42");
  check("/raw/" + to_string(r.id()),
        ",\"result\":\"/wA=\",\"result_base64\":true,\"result_type\":\"application/octet-stream\"}",
        "application/octet-stream", std::string_view("\xff\0", 2));
  check("/pictures/" + to_string(p.id()),
        ",\"result\":\"PHN2Zy8+\",\"result_base64\":true,\"result_type\":\"image/svg+xml\"}", "image/svg+xml",
        "<svg/>");
  check("/nothing/" + to_string(v.id()), ",\"result\":null}", "application/json", "null");
}

TEST_F(job_routes, there_is_no_result_before_the_end) {
  options.pace = 1500ms;
  open();
  const auto path = begin("x");
  const auto early = ask(path + "/result");
  EXPECT_EQ(early.code, 409);
  EXPECT_EQ(early.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(early.header("Retry-After"), "2") << "whole seconds, and not too early";
  EXPECT_NE(early.body.find("running"), std::string::npos);
  s.advance(10s);
  EXPECT_EQ(ask(path + "/result").body, "slept x");
  EXPECT_EQ(ask(path + "/result").header("Content-Type"), "text/plain; charset=utf-8");
  const auto gone = begin();
  s.settle();
  cancel(gone);
  s.settle();
  const auto none = ask(gone + "/result");
  EXPECT_EQ(none.code, 409);
  EXPECT_EQ(none.body, "{\"title\":\"Cancelled\",\"status\":409}");
  EXPECT_FALSE(none.has("Retry-After"));
}

TEST_F(job_routes, handles_that_are_none_are_404) {
  open();
  const auto path = begin();
  const auto id = path.substr(6);
  auto upper = id, other = id;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == id) upper += 'A';
  other.back() = other.back() == '0' ? '1' : '0';
  for (const std::string& bad :
       {other, upper, id.substr(1), id + "0", std::string("0"), std::string(32, '0'), std::string(32, 'g'),
        std::string("1"), std::string("%00"), id.substr(2) + "%30", "-" + id.substr(1), std::string(7000, 'a')}) {
    for (const char* verb : {"GET", "DELETE"}) {
      const auto answer = s.ask(head_of(verb, "/jobs/" + bad));
      EXPECT_EQ(answer.code, 404) << bad;
      EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << bad;
    }
    for (const char* more : {"/events", "/result"}) EXPECT_EQ(ask("/jobs/" + bad + more).code, 404) << bad;
  }
  EXPECT_EQ(ask(path).code, 200);
  EXPECT_EQ(ask("/jobs/" + id.substr(0, 31) + "%3" + id.substr(31)).code, 200 + 204 * (id.back() > '9'))
      << "an escaped digit is the digit";
  EXPECT_EQ(ask(path + "/").code, 404);
  EXPECT_EQ(ask(path + "/other").code, 404);
  EXPECT_EQ(ask("/jobs/").code, 404);
}

TEST_F(job_routes, methods) {
  open();
  const auto path = begin();
  s.settle();
  const auto head = s.ask(head_of("HEAD", path));
  EXPECT_EQ(head.code, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.header("Content-Length"), std::to_string(ask(path).body.size()));
  EXPECT_EQ(head.header("ETag"), ask(path).header("ETag"));
  auto& held = waits(head_of("HEAD", path, "Prefer: wait=20\r\n"));
  s.advance(10s);
  EXPECT_EQ(held.next(true).header("Preference-Applied"), "wait=20");
  EXPECT_EQ(s.ask(head_of("HEAD", path + "/result")).header("Content-Length"), "6");
  EXPECT_EQ(s.ask(head_of("HEAD", path + "/events")).header("Content-Type"), "text/event-stream");
  for (const char* verb : {"PUT", "POST", "PATCH"}) {
    const auto answer = s.ask(head_of(verb, path, "Content-Length: 0\r\n"));
    EXPECT_EQ(answer.code, 405) << verb;
    EXPECT_EQ(answer.header("Allow"), "DELETE, GET, HEAD, OPTIONS") << verb;
  }
  EXPECT_EQ(s.ask(head_of("DELETE", path + "/events")).code, 405);
  EXPECT_EQ(s.ask(head_of("DELETE", path + "/result")).code, 405);
  EXPECT_EQ(ask("/jobs").code, 405) << "no list without a hook";
  EXPECT_EQ(s.ask(head_of("OPTIONS", path)).code, 204);
}

TEST_F(job_routes, what_has_ended_is_kept_for_a_while) {
  options.keep_for = 1min;
  open();
  const auto path = begin(), waits_on = begin();
  s.settle();
  cancel(waits_on);
  s.advance(10s + 1min - 1ms);
  EXPECT_EQ(ask(path).code, 200);
  EXPECT_EQ(ask(waits_on).code, 404) << "it ended ten seconds before";
  s.advance(1ms);
  for (const char* more : {"", "/result", "/events"}) EXPECT_EQ(ask(path + more).code, 404) << more;
  EXPECT_EQ(cancel(path).code, 404);
}

TEST_F(job_routes, a_result_that_cannot_be_sent_is_a_failure_whoever_looks) {
  const ap::job_store<broken> jobs(s.io);
  std::vector<std::string> told;
  jobs.on_error([&](const ap::job_status& of, std::exception_ptr) { told.push_back(of.what); });
  app.mount("/broken", jobs.routes());
  const auto fails = [](ap::job&) -> asio::awaitable<broken> {
    co_await ap::sleep_for(1s);
    co_return broken();
  };
  const auto alone = jobs.submit(fails), followed = jobs.submit(fails);
  s.start();
  auto& held = waits_for("/broken/" + to_string(alone.id()));
  auto& events = s.client();
  events.send(get("/broken/" + to_string(followed.id()) + "/events"));
  s.advance(1s);
  constexpr std::string_view error = "\"error\":{\"title\":\"Internal Server Error\",\"status\":500}}";
  EXPECT_NE(held.next().body.find(error), std::string::npos);
  EXPECT_NE(events.next().body.find(error), std::string::npos);
  for (const auto& job : {alone, followed}) {
    const auto status = ask("/broken/" + to_string(job.id()));
    EXPECT_EQ(status.code, 200);
    EXPECT_NE(status.body.find(error), std::string::npos);
    EXPECT_EQ(ask("/broken/" + to_string(job.id()) + "/result").code, 500);
    EXPECT_EQ(job.state(), ap::job_state::failed);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"it has no bytes", "it has no bytes"}));
  EXPECT_TRUE(s.errors.empty()) << "it is no error of the routes";
}

} // namespace
