// SPDX-License-Identifier: BSL-1.0
// await_job against the routes of a store.
#include "client_harness.hpp"

#include <algorithm>
#include <stdexcept>

namespace results {

struct point {
  int x = 0;
};
inline antiphon::payload to_payload(const point& p) {
  return antiphon::payload::of("{\"x\":" + std::to_string(p.x) + "}", antiphon::json_type);
}
inline bool from_payload(const antiphon::payload& p, point& to) {
  to.x = static_cast<int>(p.bytes().size());
  return p.bytes().starts_with("{\"x\":");
}

} // namespace results

namespace {

using namespace job_tests;
using lines = std::vector<std::string>;

class await_job : public job_client {
 protected:
  ap::job_store_options options;
  std::optional<ap::job_store<std::string>> store;
  using work = asio::awaitable<std::string> (*)(ap::job&);

  ap::job_handle<std::string> begin(work w = counts) {
    if (!store) {
      store.emplace(io, options);
      store->on_error([](const ap::job_status&, std::exception_ptr) {});
      open(*store);
    }
    return store->submit(w);
  }
};

TEST_F(await_job, follows_the_events) {
  const auto job = begin();
  time.advance(3500ms); // it comes late, and hears of what was before
  const auto w = wait(url_of(job));
  EXPECT_EQ(w->progress, (lines{"10", "20", "30"}));
  time.advance(4s);
  EXPECT_EQ(w->progress.size(), 7U) << "each as it comes";
  EXPECT_FALSE(w->done);
  time.advance(2500ms);
  ASSERT_TRUE(w->done);
  EXPECT_EQ(w->value, "counted");
  EXPECT_EQ(w->progress, tens());
  EXPECT_EQ(w->types, lines(9, "application/json"));
  EXPECT_EQ(asked, (lines{"GET /jobs/ID", "GET /jobs/ID/events"}));
}

TEST_F(await_job, waits_where_it_does_not_follow) {
  const auto job = begin();
  const auto w = wait(url_of(job), {.events = false});
  time.advance(10s);
  ASSERT_TRUE(w->done);
  EXPECT_EQ(w->value, "counted");
  EXPECT_EQ(w->progress, tens());
  EXPECT_EQ(asked[0], "GET /jobs/ID");
  EXPECT_EQ(asked[1], "GET /jobs/ID wait=30 tag");
  EXPECT_EQ(asked.size(), 11U);
}

TEST_F(await_job, who_wants_no_progress_waits_for_the_end) {
  const auto job = begin();
  const auto w = wait(url_of(job), {.events = false, .wait = 5500ms}, false);
  time.advance(9999ms);
  EXPECT_FALSE(w->done);
  time.advance(1ms);
  ASSERT_TRUE(w->done);
  EXPECT_EQ(w->value, "counted");
  EXPECT_EQ(asked, (lines{"GET /jobs/ID wait=6", "GET /jobs/ID wait=6"}));
}

TEST_F(await_job, polls_at_the_pace_of_the_server) {
  const auto job = begin();
  const auto w = wait(url_of(job), {.events = false, .wait = 0s});
  time.advance(14s);
  ASSERT_TRUE(w->done);
  EXPECT_EQ(w->value, "counted");
  EXPECT_GE(asked.size(), 6U);
  EXPECT_LE(asked.size(), 7U);
  for (std::size_t i = 1; i < asked.size(); ++i) {
    EXPECT_EQ(asked[i], "GET /jobs/ID tag");
    EXPECT_GE(asked_at[i] - asked_at[i - 1], 1800ms);
    EXPECT_LE(asked_at[i] - asked_at[i - 1], 2200ms);
  }
  EXPECT_TRUE(std::is_sorted(w->progress.begin(), w->progress.end()));
  EXPECT_EQ(std::adjacent_find(w->progress.begin(), w->progress.end()), w->progress.end()) << "none twice";
  EXPECT_GE(w->progress.size(), 4U);
}

TEST_F(await_job, is_bounded_in_what_it_lets_the_server_say) {
  options.pace = 1h;
  const auto job = begin();
  const auto w = wait(url_of(job), {.events = false, .wait = 0s, .longest_pace = 4s});
  time.advance(13s);
  EXPECT_TRUE(w->done);
}

TEST_F(await_job, of_a_job_that_is_over) {
  const auto job = begin();
  time.advance(10s);
  const auto url = url_of(job);
  for (int i = 0; i < 2; ++i) {
    const auto w = wait(url);
    ASSERT_TRUE(w->done) << "its result is kept";
    EXPECT_EQ(w->value, "counted");
    EXPECT_EQ(w->progress, lines{"90"}) << "where it stands";
  }
  EXPECT_EQ(asked, (lines{"GET /jobs/ID", "GET /jobs/ID"}));
}

TEST_F(await_job, gives_results_of_any_type) {
  const ap::job_store<int> numbers(io);
  const ap::job_store<void> nothing(io);
  const ap::job_store<ap::shared_buffer> bytes(io);
  const ap::job_store<results::point> points(io);
  app.mount("/numbers", numbers.routes()).mount("/nothing", nothing.routes());
  app.mount("/bytes", bytes.routes()).mount("/points", points.routes());
  serve();
  const auto n = numbers.submit([](ap::job&) -> asio::awaitable<int> { co_return -42; });
  const auto v = nothing.submit([](ap::job&) -> asio::awaitable<void> { co_return; });
  const auto b = bytes.submit([](ap::job&) -> asio::awaitable<ap::shared_buffer> {
    co_return ap::shared_buffer(std::string("\0\xff\r\n", 4));
  });
  const auto p = points.submit([](ap::job&) -> asio::awaitable<results::point> { co_return results::point{7}; });
  const auto at = [](std::string_view place, const auto& job) {
    return "http://h/" + std::string(place) + "/" + to_string(job.id());
  };
  // Once before the end, by the events; once after it.
  for (int i = 0; i < 2; ++i) {
    const auto number = wait<int>(at("numbers", n));
    const auto real = wait<double>(at("numbers", n));
    const auto text = wait<std::string>(at("numbers", n));
    const auto none = wait<bool>(at("nothing", v));
    const auto ignored = wait<bool>(at("numbers", n), {}, false);
    const auto buffer = wait<ap::shared_buffer>(at("bytes", b));
    const auto point = wait<results::point>(at("points", p));
    const auto wrong = wait<int>(at("bytes", b));
    const auto wrong_too = wait<unsigned char>(at("numbers", n), {}, false);
    time.settle();
    EXPECT_EQ(number->value, -42);
    EXPECT_EQ(real->value, -42.0);
    EXPECT_EQ(text->value, "-42");
    EXPECT_TRUE(none->value && ignored->value);
    ASSERT_TRUE(buffer->value);
    EXPECT_EQ(buffer->value->view(), std::string_view("\0\xff\r\n", 4));
    ASSERT_TRUE(point->value);
    EXPECT_EQ(point->value->x, 7);
    for (const auto& ec : {wrong->ec, wrong_too->ec}) EXPECT_EQ(ec, ap::jobs::error::bad_result);
  }
}

TEST_F(await_job, tells_why_a_job_has_no_result) {
  const auto failing = begin([](ap::job& job) -> asio::awaitable<std::string> {
    job.report(1);
    co_await ap::sleep_for(1s);
    throw ap::job_failure(
        ap::problem(ap::status::conflict).type("https://h/full").detail("no room").extra("left", "[1]"));
    co_return "";
  });
  const auto secret = begin([](ap::job&) -> asio::awaitable<std::string> {
    throw std::runtime_error("the password");
    co_return "";
  });
  const auto cancelled = begin(), late = store->submit(counts, {.deadline = 2s});
  for (const bool events : {true, false}) {
    const await_options o{.events = events};
    const auto a = wait(url_of(failing), o), b = wait(url_of(secret), o), d = wait(url_of(late), o);
    const auto c = wait(url_of(cancelled), o);
    cancelled.cancel();
    time.advance(events ? 3s : 0s);
    ASSERT_TRUE(a->problem && b->problem && d->problem);
    EXPECT_EQ(a->problem->to_json(),
              "{\"type\":\"https://h/full\",\"title\":\"Conflict\",\"status\":409,\"detail\":\"no "
              "room\",\"left\":[1]}");
    EXPECT_EQ(a->progress, lines{"1"});
    EXPECT_EQ(b->problem->status(), ap::status::internal_server_error);
    EXPECT_EQ(d->problem->status(), ap::status::gateway_timeout);
    EXPECT_EQ(c->ec, ap::jobs::error::cancelled);
  }
  EXPECT_EQ(std::count_if(asked.begin(), asked.end(), [](const auto& l) { return l.starts_with("DELETE"); }), 0)
      << "there is nothing to cancel";
}

TEST_F(await_job, of_a_server_that_drains) {
  const auto ends = begin(), late = begin([](ap::job&) -> asio::awaitable<std::string> {
                               co_await ap::sleep_for(1h);
                               co_return "";
                             });
  std::vector<waiting<std::string>> in_time, too_late;
  for (const bool events : {true, false})
    for (const bool progress : {true, false}) {
      in_time.push_back(wait(url_of(ends), {.events = events}, progress));
      too_late.push_back(wait(url_of(late), {.events = events}, progress));
    }
  time.advance(5s);
  drain();
  time.advance(10s);
  for (std::size_t i = 0; i < in_time.size(); ++i) {
    // Who asks anew for each progress finds nobody who takes the connection.
    if (i == 2) continue;
    EXPECT_EQ(in_time[i]->value, "counted") << i << " " << in_time[i]->ec.message();
    EXPECT_EQ(too_late[i]->ec, ap::jobs::error::shutting_down) << i << " " << too_late[i]->ec.message();
  }
}

TEST_F(await_job, progress_is_what_was_reported) {
  const auto job = begin([](ap::job& j) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(1s);
    for (const char* text : {"one\ntwo", "\xff", "null", ""}) {
      j.report(std::string(text));
      co_await ap::sleep_for(1s);
    }
    j.report(ap::shared_buffer(std::string("\0\r", 2)));
    co_await ap::sleep_for(1s);
    co_return "";
  });
  const auto url = url_of(job);
  const auto followed = wait(url), waited = wait(url, {.events = false});
  time.advance(10s);
  EXPECT_EQ(followed->progress, (lines{"one\ntwo", "\xff", "null", "", std::string("\0\r", 2)}));
  EXPECT_EQ(waited->progress, followed->progress);
  EXPECT_EQ(followed->types[0], ap::text_type);
  EXPECT_EQ(followed->types[4], ap::bytes_type);
  EXPECT_EQ(waited->types, (lines{std::string(ap::text_type), std::string(ap::text_type), std::string(ap::text_type),
                                  std::string(ap::text_type), std::string(ap::bytes_type)}));
}

TEST_F(await_job, large_results_come_with_the_events) {
  const auto job = begin([](ap::job&) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(1s);
    co_return std::string(5'000'000, 'r');
  });
  const auto w = wait(url_of(job));
  time.advance(2s);
  ASSERT_TRUE(w->done);
  ASSERT_TRUE(w->value) << w->ec.message();
  EXPECT_EQ(*w->value, std::string(5'000'000, 'r'));
  EXPECT_EQ(asked, (lines{"GET /jobs/ID", "GET /jobs/ID/events"}));
}

TEST_F(await_job, results_over_its_limit_end_it) {
  const auto job = begin([](ap::job&) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(1s);
    co_return std::string(5000, 'r');
  });
  for (const bool events : {true, false}) {
    const auto w = wait(url_of(job), {.events = events, .max_body = 5000});
    time.advance(2s);
    EXPECT_EQ(w->ec, ap::http::error::body_too_large) << w->ec.message();
  }
  EXPECT_LE(asked.size(), 4U) << "it is not asked for again and again";
}

TEST_F(await_job, of_a_job_that_is_kept_no_more) {
  const auto job = begin();
  time.advance(10s + 10min);
  EXPECT_EQ(wait(url_of(job))->ec, ap::jobs::error::no_such_job);
  EXPECT_EQ(wait("http://h/jobs/" + std::string(32, '0'))->ec, ap::jobs::error::no_such_job);
  EXPECT_EQ(wait("nonsense")->ec, ap::client_error::bad_url);
}

TEST_F(await_job, that_is_cancelled_cancels_the_job) {
  enum phase { following, waits, polling, down_already };
  for (const phase at : {following, waits, polling, down_already}) {
    for (const bool cancel_job : {true, false}) {
      const auto job = begin();
      asked.clear();
      await_options o{.events = at == following, .wait = at == polling ? 0s : 30s, .cancel_job = cancel_job};
      const auto w = wait(url_of(job), o);
      time.advance(2500ms);
      if (at == down_already) {
        restart();
        down = true;
        time.advance(3s);
      }
      w->cancel.emit(asio::cancellation_type::terminal);
      down = false;
      time.settle();
      ASSERT_TRUE(w->done) << at;
      EXPECT_EQ(w->ec, asio::error::operation_aborted) << at;
      EXPECT_EQ(count("DELETE /jobs/ID"), cancel_job ? 1U : 0U) << at;
      EXPECT_EQ(job.state(), cancel_job ? ap::job_state::cancelled : ap::job_state::running) << at;
      time.advance(10s);
      EXPECT_EQ(job.state(), cancel_job ? ap::job_state::cancelled : ap::job_state::succeeded) << at;
    }
  }
}

TEST_F(await_job, whose_time_is_over_cancels_the_job) {
  const auto job = begin();
  const auto url = url_of(job);
  ap::error_code ec;
  const auto bounded = [&]() -> asio::awaitable<void> {
    auto task = ap::jobs::await_job<std::string>(client, url);
    try {
      co_await ap::with_timeout(3s, std::move(task));
    } catch (const ap::system_error& e) {
      ec = e.code();
    }
  };
  asio::co_spawn(io, bounded, asio::detached);
  time.advance(4s);
  EXPECT_EQ(ec, asio::error::timed_out);
  EXPECT_EQ(job.state(), ap::job_state::cancelled);
}

TEST_F(await_job, a_client_that_goes_and_comes_back_finds_the_job) {
  const auto job = begin();
  const auto url = url_of(job);
  const auto first = wait(url, {.cancel_job = false});
  time.advance(3500ms);
  first->cancel.emit(asio::cancellation_type::terminal);
  time.advance(3s);
  const auto second = wait(url);
  time.advance(10s);
  EXPECT_EQ(first->progress, (lines{"10", "20", "30"}));
  EXPECT_EQ(second->progress, tens());
  EXPECT_EQ(second->value, "counted");
}

TEST_F(await_job, what_on_progress_throws_ends_the_waiting_and_not_the_job) {
  for (const bool events : {true, false}) {
    const auto job = begin();
    const auto url = url_of(job);
    asked.clear();
    std::string what;
    const auto waits = [&]() -> asio::awaitable<void> {
      int calls = 0;
      auto hook = [&](const ap::payload&) {
        if (++calls == 3) throw std::runtime_error("I have seen enough");
      };
      try {
        co_await ap::jobs::await_job<std::string>(client, url, hook, {.events = events});
      } catch (const std::exception& e) {
        what = e.what();
      }
    };
    asio::co_spawn(io, waits, asio::detached);
    time.advance(4s);
    EXPECT_EQ(what, "I have seen enough");
    EXPECT_EQ(count("DELETE /jobs/ID"), 0U);
    time.advance(10s);
    EXPECT_EQ(job.state(), ap::job_state::succeeded);
  }
}

TEST_F(await_job, where_nobody_may_wait_it_polls) {
  options.parked = 0;
  const auto job = begin();
  const auto w = wait(url_of(job), {.events = false, .attempts = 2});
  const auto quiet = wait(url_of(job), {.events = false, .attempts = 2}, false);
  time.advance(30s);
  EXPECT_EQ(w->value, "counted") << "503 to those who wait is no failure of the job";
  EXPECT_EQ(quiet->value, "counted");
  EXPECT_GT(count("GET /jobs/ID wait=30"), 1U) << "it tries";
  EXPECT_GT(count("GET /jobs/ID wait=30 tag"), 1U);
}

TEST_F(await_job, many_at_once) {
  std::vector<waiting<std::string>> all;
  ap::client_options more;
  more.connections = 100;
  const auto job = begin();
  const auto url = url_of(job);
  for (int i = 0; i < 12; ++i) all.push_back(wait(url, {.events = i % 3 == 0, .wait = i % 3 == 1 ? 30s : 0s}));
  time.advance(20s);
  for (const auto& w : all) EXPECT_EQ(w->value, "counted");
}

} // namespace
