// SPDX-License-Identifier: BSL-1.0
// await_job where connections break, and against servers that offer less than ours, or lie.
#include "client_harness.hpp"

#include <antiphon/sse.hpp>

#include <algorithm>
#include <random>

namespace {

using namespace job_tests;
using lines = std::vector<std::string>;

constexpr std::string_view running = "{\"state\":\"running\"}";
constexpr std::string_view done = "{\"state\":\"succeeded\",\"result\":7}";

class await_job_troubles : public job_client {
 protected:
  /// A job that a test plays by hand.
  void answer(std::function<ap::response(ap::request&)> f) {
    app.get("/j", std::move(f));
    app.del("/j", [] { return ap::status::no_content; });
    serve();
  }
  static ap::response json(std::string_view text) { return ap::http::json(std::string(text)); }
  static std::string url() { return "http://h/j"; }
  waiting<int> wait_here(const await_options& options = {}, bool with_progress = false) {
    return wait<int>(url(), options, with_progress);
  }
  static bool in_order(const lines& all) { // 10 before 90, none twice
    return std::is_sorted(all.begin(), all.end()) && std::adjacent_find(all.begin(), all.end()) == all.end();
  }
};

TEST_F(await_job_troubles, cut_anywhere_the_events_miss_nothing) {
  const ap::job_store<std::string> store(io);
  open(store);
  std::size_t whole = 0;
  for (std::size_t cut = 0;; cut += 13) {
    std::size_t connection = 0;
    bool was_cut = false;
    budget = [&]() -> std::optional<std::size_t> {
      if (connection++ != 0) return std::nullopt;
      was_cut = true;
      return cut;
    };
    client.close_idle();
    time.settle();
    const auto job = store.submit(counts);
    const auto w = wait(url_of(job));
    time.advance(1min);
    ASSERT_TRUE(w->done) << cut;
    ASSERT_EQ(w->value, "counted") << cut << " " << w->ec.message();
    ASSERT_EQ(w->progress, tens()) << cut;
    ASSERT_TRUE(was_cut);
    if (connection == 1 && ++whole == 2) break; // all fits
  }
  EXPECT_EQ(count("GET /jobs/ID wait=30 tag"), 0U) << "the events are enough";
}

TEST_F(await_job_troubles, cut_anywhere_waits_and_polls_go_on) {
  const ap::job_store<std::string> store(io);
  open(store);
  for (const ap::duration length : {ap::duration(30s), ap::duration(0s)})
    for (std::size_t cut = 0; cut < 6000; cut += 101) {
      std::size_t connection = 0;
      budget = [&]() -> std::optional<std::size_t> {
        return connection++ < 3 ? std::optional(cut * connection / 3) : std::nullopt;
      };
      client.close_idle();
      time.settle();
      const auto job = store.submit(counts);
      const auto w = wait(url_of(job), {.events = false, .wait = length});
      time.advance(1min);
      ASSERT_EQ(w->value, "counted") << cut << " " << w->ec.message();
      ASSERT_TRUE(in_order(w->progress)) << cut;
    }
}

TEST_F(await_job_troubles, a_server_that_is_down_for_a_while) {
  const ap::job_store<std::string> store(io);
  open(store);
  for (const bool events : {true, false}) {
    const auto job = store.submit(counts);
    const auto w = wait(url_of(job), {.events = events});
    time.advance(3500ms);
    down = true;
    restart();
    time.advance(4s);
    EXPECT_FALSE(w->done);
    down = false;
    time.advance(1min);
    EXPECT_EQ(w->value, "counted");
    EXPECT_TRUE(in_order(w->progress));
    EXPECT_TRUE(!events || w->progress == tens());
    EXPECT_EQ(count("DELETE /jobs/ID"), 0U);
  }
}

TEST_F(await_job_troubles, a_server_that_stays_down_is_lost) {
  const ap::job_store<std::string> store(io);
  open(store);
  for (const bool events : {true, false})
    for (const unsigned attempts : {1U, 2U, 5U}) {
      const auto job = store.submit(counts);
      const auto w = wait(url_of(job), {.events = events, .attempts = attempts});
      time.advance(1s);
      down = true;
      restart();
      const auto before = connections;
      time.advance(1h);
      EXPECT_EQ(w->ec, ap::jobs::error::lost) << w->ec.message();
      EXPECT_LE(connections - before, attempts + 1) << "not twice as many";
      EXPECT_GE(connections - before, attempts - 1);
      down = false;
    }
  down = true;
  const auto patient = wait("http://h/jobs/1", {.attempts = 0});
  time.advance(24h);
  EXPECT_FALSE(patient->done);
  patient->cancel.emit(asio::cancellation_type::terminal);
  time.advance(1min);
  EXPECT_EQ(patient->ec, asio::error::operation_aborted);
}

TEST_F(await_job_troubles, waits_longer_after_each_failure) {
  down = true;
  const auto w = wait("http://h/jobs/1", {.first_wait = 1s, .most_wait = 8s, .attempts = 7});
  std::vector<ap::duration> pauses;
  auto last = time.now();
  for (auto seen = connections; !w->done;) {
    time.advance(10ms);
    if (seen == connections) continue;
    seen = connections;
    pauses.push_back(time.now() - last);
    last = time.now();
  }
  EXPECT_EQ(w->ec, ap::jobs::error::lost);
  ASSERT_EQ(pauses.size(), 6U);
  for (std::size_t i = 0; i < pauses.size(); ++i)
    EXPECT_LE(pauses[i], std::min<ap::duration>(8s, 1s * (1 << i)) + 10ms) << i;
}

TEST_F(await_job_troubles, progress_is_told_once_where_the_events_end_early) {
  const ap::job_store<std::string> store(io);
  int streams = 0;
  app.mount("/jobs", store.routes());
  app.use([&](ap::request& req, ap::next next) -> asio::awaitable<ap::response> {
    if (req.path().ends_with("/events") && ++streams > 1) co_return ap::status::not_found;
    co_return co_await next(req);
  });
  serve();
  const auto job = store.submit([](ap::job& j) -> asio::awaitable<std::string> {
    for (const int percent : {10, 20, 30}) j.report(percent);
    co_await ap::sleep_for(1min);
    j.report(90);
    co_await ap::sleep_for(1min);
    co_return "slow";
  });
  const auto w = wait(url_of(job));
  EXPECT_EQ(w->progress.size(), 3U);
  restart();
  time.advance(3min);
  EXPECT_EQ(w->value, "slow");
  EXPECT_EQ(w->progress, (lines{"10", "20", "30", "90"})) << "30 stood in the first poll, too";
  EXPECT_EQ(streams, 2);
}

TEST_F(await_job_troubles, events_that_are_none_are_left_alone) {
  for (const std::string& link :
       {std::string("</none>; rel=monitor"), std::string("</html>; rel=\"monitor\""),
        std::string("</no-content>; rel=monitor"), std::string("</nonsense>; rel=monitor"),
        std::string("<http://evil/events>; rel=monitor"), std::string("<https://h/events>; rel=monitor"),
        std::string("<http://h:81/events>; rel=monitor"), std::string("<//evil/events>; rel=monitor"),
        std::string("<http:///>; rel=monitor"), std::string("<>; rel=next"), std::string("nonsense"),
        std::string("</short>; rel=monitor")}) {
    SCOPED_TRACE(link);
    ap::router other;
    std::swap(other, app);
    int asked_for = 0;
    app.get("/j", [&](ap::request&) {
      return ++asked_for < 4 ? std::move(json(running).set("Link", link).set("Retry-After", "1")) : json(done);
    });
    app.get("/html", [] { return "<html>"; }).get("/no-content", [] { return ap::status::no_content; });
    app.get("/nonsense", [] {
      return ap::response(ap::status::ok, std::string("event: state\ndata: nonsense\n\n"), "text/event-stream");
    });
    app.get("/events", [] {
      return ap::response(ap::status::ok, std::string("event: state\ndata: {}\n\n"), "text/event-stream");
    });
    app.get("/short", [] { return ap::response(ap::status::ok, std::string("event: sta"), "text/event-stream"); });
    hosts.clear();
    serve();
    const auto w = wait_here({.wait = 0s, .first_wait = 10ms, .most_wait = 10ms});
    time.advance(1min);
    EXPECT_EQ(w->value, 7);
    EXPECT_EQ(asked_for, 4);
    for (const auto& host : hosts) EXPECT_EQ(host, "h") << "nothing is asked of another server";
    client.close_idle();
    stop.emit(asio::cancellation_type::terminal);
    time.settle();
    std::swap(other, app);
  }
}

TEST_F(await_job_troubles, the_link_may_be_one_of_many) {
  for (const bool several_lines : {true, false}) {
    ap::router other;
    std::swap(other, app);
    app.get("/j", [&](ap::request&) {
      auto res = json(running);
      if (several_lines) {
        res.add("Link", "</help>; rel=help").add("Link", "</events>; rel=\"related Monitor\"");
      } else {
        res.add("Link", "</help>; rel=help, <events>; title=\"a, b\"; rel=monitor");
      }
      return res;
    });
    app.get("/events", [&](ap::request&) {
      return ap::response(ap::status::ok,
                          ": hi\n\nevent: progress\ndata: 5\n\nevent: other\ndata: x\n\nevent: state\ndata: " +
                              std::string(running) + "\n\nevent: state\ndata: " + std::string(done) + "\n\n",
                          "text/event-stream");
    });
    serve();
    const auto w = wait_here({}, true);
    EXPECT_EQ(w->value, 7);
    EXPECT_EQ(w->progress, lines{"5"});
    client.close_idle();
    stop.emit(asio::cancellation_type::terminal);
    time.settle();
    std::swap(other, app);
  }
}

TEST_F(await_job_troubles, of_a_server_that_offers_only_its_status) {
  int n = 0;
  answer([&](ap::request&) {
    static const char* const states[] = {
        "{\"state\":\"pending\",\"progress\":null}", "{\"state\":\"running\",\"progress\":1,\"more\":[1,{}]}",
        "{\"state\":\"running\",\"progress\":1}", "{\"state\":\"running\",\"progress\":2}",
        "{\"state\":\"succeeded\",\"progress\":2,\"result\":7,\"error\":null}"};
    return json(states[std::min(n++, 4)]);
  });
  const auto w = wait_here({.pace = 3s}, true);
  time.advance(4 * 3300ms);
  ASSERT_TRUE(w->done);
  EXPECT_EQ(w->value, 7);
  EXPECT_EQ(w->progress, (lines{"null", "1", "2"}));
  EXPECT_EQ(asked.size(), 5U);
  EXPECT_EQ(asked[1], "GET /j wait=30") << "at once: perhaps it lets us wait";
  for (std::size_t i = 2; i < asked.size(); ++i) EXPECT_GE(asked_at[i] - asked_at[i - 1], 2700ms);
}

TEST_F(await_job_troubles, answers_that_end_it) {
  struct row {
    ap::response (*answer)();
    ap::error_code why;
  };
  using ap::jobs::error;
  const row rows[] = {
      {[] { return ap::response(ap::status::not_found); }, error::no_such_job},
      {[] { return ap::response(ap::status::gone); }, error::no_such_job},
      {[] { return ap::response(ap::status::forbidden); }, error::bad_answer},
      {[] { return ap::response(ap::status::unauthorized); }, error::bad_answer},
      {[] { return ap::response(ap::status::no_content); }, error::bad_answer},
      {[] { return ap::response(ap::status::created); }, error::bad_answer},
      {[] { return ap::text("<html>"); }, error::bad_answer},
      {[] { return ap::response(ap::status::ok); }, error::bad_answer},
      {[] { return json("[]"); }, error::bad_answer},
      {[] { return json("{}"); }, error::bad_answer},
      {[] { return json("{\"state\":\"done\"}"); }, error::bad_answer},
      {[] { return json("{\"state\":7}"); }, error::bad_answer},
      {[] { return json("{\"state\":\"running\""); }, error::bad_answer},
      {[] { return json("{\"state\":\"succeeded\"}"); }, error::bad_answer},
      {[] { return json("{\"state\":\"failed\"}"); }, error::bad_answer},
      {[] { return json("{\"state\":\"failed\",\"error\":null}"); }, error::bad_answer},
      {[] { return json("{\"state\":\"failed\",\"error\":\"bad\"}"); }, error::bad_answer},
      {[] { return json("{\"state\":\"failed\",\"error\":{\"x\":}}"); }, error::bad_answer},
      {[] { return json("{\"state\":\"succeeded\",\"result\":\"x\"}"); }, error::bad_result},
      {[] { return json("{\"state\":\"succeeded\",\"result\":\"!\",\"result_base64\":true}"); }, error::bad_answer},
      {[] { return json("{\"state\":\"cancelled\",\"error\":{}}"); }, error::cancelled},
      {[] { return json("{\"state\":\"cancelled\",\"error\":{\"status\":503}}"); }, error::shutting_down},
      {[] { return json("{\"state\":\"running\",\"x\":\"" + std::string(20'000'000, 'x') + "\"}"); },
       ap::http::error::body_too_large},
  };
  const row* now = rows;
  answer([&](ap::request&) { return now->answer(); });
  for (now = rows; now != std::end(rows); ++now) {
    asked.clear();
    const auto w = wait_here();
    time.settle();
    ASSERT_TRUE(w->done) << now - rows;
    EXPECT_EQ(w->ec, now->why) << now - rows << " " << w->ec.message() << w->what;
    EXPECT_EQ(asked.size(), 1U) << "and is not asked again, nor told to cancel";
  }
}

TEST_F(await_job_troubles, an_endless_answer_ends_it) {
  answer([](ap::request&) {
    return ap::stream_body(
        [](ap::body_writer& out) -> asio::awaitable<void> {
          const std::string piece(10'000, ' ');
          while (true) co_await out.write(piece);
        },
        "application/json");
  });
  EXPECT_EQ(wait_here({.max_body = 1'000'000})->ec, ap::http::error::body_too_large);
}

TEST_F(await_job_troubles, answers_that_may_heal_are_asked_for_again) {
  for (const auto code : {ap::status::request_timeout, ap::status::too_early, ap::status::too_many_requests,
                          ap::status::internal_server_error, ap::status::bad_gateway, ap::status::service_unavailable,
                          ap::status::gateway_timeout}) {
    ap::router other;
    std::swap(other, app);
    int n = 0;
    app.get("/j", [&](ap::request&) { return ++n < 5 ? ap::response(code) : json(done); });
    serve();
    const auto w = wait_here({.attempts = 5});
    time.advance(1min);
    EXPECT_EQ(w->value, 7) << int(code);
    n = -100;
    const auto lost = wait_here({.attempts = 5});
    time.advance(10min);
    EXPECT_EQ(lost->ec, ap::jobs::error::lost);
    EXPECT_EQ(n, -95);
    client.close_idle();
    stop.emit(asio::cancellation_type::terminal);
    time.settle();
    std::swap(other, app);
  }
}

TEST_F(await_job_troubles, what_the_server_says_of_when_to_come_back_is_heard) {
  int n = 0;
  std::string after = "20";
  answer([&](ap::request&) {
    return ++n % 2 == 1 ? std::move(ap::response(ap::status::service_unavailable).set("Retry-After", after))
                        : json(done);
  });
  auto w = wait_here({.first_wait = 1ms});
  time.advance(19'999ms);
  EXPECT_FALSE(w->done);
  time.advance(2ms);
  EXPECT_EQ(w->value, 7);
  after = "100000";
  w = wait_here({.longest_pace = 10s});
  time.advance(10s);
  EXPECT_EQ(w->value, 7) << "within bounds";
}

TEST_F(await_job_troubles, a_server_that_wants_to_be_asked_at_once_is_not_hammered) {
  answer([&](ap::request& req) {
    auto res = json(running);
    res.set("Retry-After", "0");
    if (req.has_header("Prefer")) res.set("Preference-Applied", "wait=30"); // and it lies
    return res;
  });
  for (const ap::duration length : {ap::duration(30s), ap::duration(0s)}) {
    for (const bool progress : {true, false}) {
      asked.clear();
      const auto w = wait_here({.wait = length}, progress);
      time.advance(10s);
      EXPECT_LE(asked.size(), 101U);
      EXPECT_GE(asked.size(), 5U);
      w->cancel.emit(asio::cancellation_type::terminal);
      time.settle();
    }
  }
}

TEST_F(await_job_troubles, news_that_never_end_are_not_asked_for_without_a_pause) {
  int n = 0;
  answer([&](ap::request&) {
    auto res = json("{\"state\":\"running\",\"progress\":" + std::to_string(++n) + "}");
    return std::move(res.set("ETag", "\"" + std::to_string(n) + "\"").set("Preference-Applied", "wait=30"));
  });
  const auto w = wait_here({}, true);
  time.advance(10s);
  EXPECT_LE(asked.size(), 101U);
  EXPECT_GE(asked.size(), 90U);
  w->cancel.emit(asio::cancellation_type::terminal);
}

TEST_F(await_job_troubles, a_server_that_says_nothing_is_left) {
  int n = 0;
  app.get("/j", [&](ap::request&) -> asio::awaitable<ap::response> {
    if (++n < 3) co_await ap::sleep_for(24h);
    co_return json(done);
  });
  serve();
  const auto w = wait_here();
  time.advance(5min);
  EXPECT_EQ(w->value, 7);
}

TEST_F(await_job_troubles, whoever_is_between_that_cuts_long_waits_does_no_harm) {
  // Waits end after 20 s with 504: a job of ten minutes is waited for all the same.
  const ap::job_store<std::string> store(io);
  app.mount("/jobs", store.routes());
  app.use([&](ap::request& req, ap::next next) -> asio::awaitable<ap::response> {
    if (!req.has_header("Prefer")) co_return co_await next(req);
    co_await ap::sleep_for(20s);
    co_return ap::status::gateway_timeout;
  });
  serve();
  const auto job = store.submit([](ap::job&) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(10min);
    co_return "patience";
  });
  const auto w = wait(url_of(job), {.events = false, .attempts = 3});
  time.advance(11min);
  EXPECT_EQ(w->value, "patience");
}

TEST_F(await_job_troubles, random_cuts_and_restarts) {
  const ap::job_store<std::string> store(io, {.max_running = 100});
  open(store);
  std::minstd_rand random(7);
  budget = [&]() -> std::optional<std::size_t> {
    if (random() % 2 == 0) return std::nullopt;
    return random() % 3000;
  };
  std::vector<waiting<std::string>> all;
  std::vector<bool> follows;
  for (int i = 0; i < 60; ++i) {
    const auto job = store.submit(counts);
    follows.push_back(random() % 2 == 0);
    all.push_back(wait(url_of(job), {.events = follows.back(), .wait = random() % 2 == 0 ? 30s : 0s, .attempts = 100}));
    time.advance(std::chrono::milliseconds(random() % 1000));
    if (i % 10 == 9) restart();
    if (i % 17 == 16) down = true, time.advance(2s), down = false;
  }
  time.advance(1h);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i]->value, "counted") << i << " " << all[i]->ec.message();
    ASSERT_TRUE(in_order(all[i]->progress));
    ASSERT_TRUE(!follows[i] || all[i]->progress == tens());
  }
}

} // namespace
