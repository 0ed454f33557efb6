// SPDX-License-Identifier: BSL-1.0
#include "store_world.hpp"

namespace {

using namespace job_tests;

struct drain_of_jobs : ::testing::Test {
  void begin(const ap::job_store_options& o = {}) { w.emplace(o); }
  std::shared_ptr<awaited<void>> drain(ap::duration limit) { return drain_on(w->io, limit); }
  std::shared_ptr<awaited<void>> drain_on(asio::io_context& io, ap::duration limit) {
    const auto out = std::make_shared<awaited<void>>();
    asio::co_spawn(io, w->jobs.drain(limit),
                   asio::bind_cancellation_slot(out->stop.slot(), [out](std::exception_ptr e) {
                     ++out->calls;
                     out->failure = std::move(e);
                   }));
    w->time.settle();
    return out;
  }
  std::optional<world<>> w;
};

TEST_F(drain_of_jobs, of_an_empty_store) {
  begin();
  const auto d = drain(10s);
  EXPECT_EQ(d->calls, 1);
  EXPECT_FALSE(d->failure);
  ap::error_code ec;
  EXPECT_FALSE(w->jobs.submit(gives(1), {}, ec));
  EXPECT_EQ(ec, ap::jobs::error::shutting_down);
}

TEST_F(drain_of_jobs, gives_back_what_waits_and_lets_end_what_runs) {
  begin({.max_running = 1});
  const auto witness = std::make_shared<int>();
  const auto over = w->jobs.submit(gives(1));
  w->time.settle();
  const auto again = w->jobs.submit(fails(1), {.attempts = 2, .first_wait = 1h, .most_wait = 1h});
  w->time.settle();
  const auto running = w->jobs.submit(sleeps(5s, 7));
  const auto waiting = w->jobs.submit([witness](ap::job&) -> asio::awaitable<int> { co_return 1; });
  w->time.settle();
  const auto result = await_result(w->io, waiting);
  follower f(waiting.events());
  const auto d = drain(10s);
  EXPECT_EQ(running.state(), job_state::running);
  EXPECT_FALSE(running.status().cancelling);
  for (const auto& h : {again, waiting}) {
    EXPECT_EQ(h.state(), job_state::cancelled);
    EXPECT_EQ(h.status().error->status(), ap::status::service_unavailable);
    EXPECT_NE(h.status().error->to_json().find("cancelled: shutting down"), std::string::npos);
  }
  EXPECT_EQ(code_of(result->failure), ap::jobs::error::shutting_down);
  EXPECT_EQ(result->failure ? what_of(result->failure).find("cancelled: shutting down") != std::string::npos : false,
            true);
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(f.take(), (seen{":pending", ":cancelled"}));
  EXPECT_EQ(d->calls, 0);
  EXPECT_EQ(over.state(), job_state::succeeded);
  w->time.advance(5s);
  EXPECT_EQ(running.state(), job_state::succeeded);
  EXPECT_EQ(d->calls, 1);
  EXPECT_FALSE(d->failure);
  EXPECT_TRUE(w->jobs.find(running.id())) << "results can be fetched still";
}

TEST_F(drain_of_jobs, no_attempt_is_begun_again) {
  begin();
  const auto h = w->jobs.submit(fails(5, 2s), {.attempts = 9});
  w->time.settle();
  const auto d = drain(10s);
  w->time.advance(2s);
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_EQ(h.status().error->status(), ap::status::service_unavailable);
  EXPECT_EQ(h.status().what, "attempt 1");
  EXPECT_EQ(w->told, seen{"1 cancelled attempt 1"});
  EXPECT_EQ(d->calls, 1);
  const auto result = await_result(w->io, h);
  w->time.settle();
  EXPECT_EQ(code_of(result->failure), ap::jobs::error::shutting_down);
}

TEST_F(drain_of_jobs, the_last_attempt_fails_as_ever) {
  begin();
  const auto h = w->jobs.submit(fails(5, 2s));
  w->time.settle();
  drain(10s);
  w->time.advance(2s);
  EXPECT_EQ(h.state(), job_state::failed);
}

TEST_F(drain_of_jobs, what_has_not_ended_by_the_limit_is_cancelled) {
  begin();
  ap::error_code heard;
  const auto h = w->jobs.submit([&heard](ap::job& j) -> asio::awaitable<int> {
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error& e) {
      heard = e.code();
    }
    EXPECT_TRUE(j.cancelled());
    throw ap::system_error(heard);
  });
  w->time.settle();
  const auto d = drain(10s);
  w->time.advance(10s - 1ns);
  EXPECT_EQ(h.state(), job_state::running);
  EXPECT_FALSE(h.status().cancelling);
  EXPECT_EQ(d->calls, 0);
  w->time.advance(1ns);
  EXPECT_EQ(heard, asio::error::operation_aborted);
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_EQ(h.status().error->status(), ap::status::service_unavailable);
  EXPECT_EQ(d->calls, 1);
  EXPECT_FALSE(d->failure);
}

TEST_F(drain_of_jobs, what_does_not_hear_is_abandoned_after_the_grace) {
  begin({.grace = 3s});
  const auto h = w->jobs.submit(deaf(1h)), polite = w->jobs.submit(sleeps(1h));
  w->time.settle();
  const auto d = drain(10s);
  w->time.advance(13s - 1ns);
  EXPECT_EQ(polite.state(), job_state::cancelled);
  EXPECT_EQ(h.state(), job_state::running);
  EXPECT_TRUE(h.status().cancelling);
  EXPECT_EQ(d->calls, 0);
  w->time.advance(1ns);
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_EQ(h.status().error->status(), ap::status::service_unavailable);
  EXPECT_EQ(d->calls, 1);
  EXPECT_EQ(w->counts(), "0 1 2 1");
}

TEST_F(drain_of_jobs, does_not_wait_for_what_was_abandoned_before) {
  begin({.grace = 3s});
  const auto h = w->jobs.submit(deaf(100h)), other = w->jobs.submit(sleeps(5s));
  w->time.settle();
  h.cancel();
  w->time.advance(3s);
  EXPECT_EQ(w->jobs.counts().abandoned, 1u);
  const auto d = drain(1h);
  EXPECT_EQ(d->calls, 0);
  w->time.advance(2s);
  EXPECT_EQ(other.state(), job_state::succeeded);
  EXPECT_EQ(d->calls, 1);
  EXPECT_EQ(drain(1h)->calls, 1);
}

TEST_F(drain_of_jobs, ends_when_the_last_is_abandoned) {
  begin({.grace = 3s});
  const auto h = w->jobs.submit(deaf(100h));
  w->time.settle();
  const auto d = drain(1h);
  h.cancel();
  w->time.advance(3s);
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_EQ(d->calls, 1);
}

TEST_F(drain_of_jobs, without_time_cancels_at_once) {
  begin();
  const auto h = w->jobs.submit(sleeps(1h));
  w->time.settle();
  const auto d = drain(0s);
  w->time.advance(0s);
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_EQ(d->calls, 1);
}

TEST_F(drain_of_jobs, cancelled_it_cancels_what_runs) {
  for (const auto type :
       {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
    begin();
    const auto h = w->jobs.submit(sleeps(1h)), no = w->jobs.submit(deaf(1h));
    w->time.settle();
    const auto d = std::make_shared<awaited<void>>();
    // A coroutine lets through what it is told to.
    asio::co_spawn(
        w->io,
        [](ap::job_store<int> jobs) -> asio::awaitable<void> {
          co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
          co_await jobs.drain(30min);
        }(w->jobs),
        asio::bind_cancellation_slot(d->stop.slot(), [d](std::exception_ptr e) {
          ++d->calls;
          d->failure = std::move(e);
        }));
    w->time.settle();
    d->stop.emit(type);
    w->time.settle();
    EXPECT_EQ(d->calls, 1) << "at once";
    EXPECT_EQ(code_of(d->failure), asio::error::operation_aborted);
    EXPECT_EQ(h.state(), job_state::cancelled);
    EXPECT_EQ(h.status().error->status(), ap::status::service_unavailable);
    EXPECT_TRUE(no.status().cancelling);
    w->time.advance(5s);
    EXPECT_EQ(no.state(), job_state::cancelled);
  }
}

TEST_F(drain_of_jobs, twice_at_once) {
  begin();
  const auto h = w->jobs.submit(sleeps(1h));
  w->time.settle();
  const auto one = drain(1h), two = drain(10s);
  w->time.advance(10s);
  EXPECT_EQ(h.state(), job_state::cancelled) << "by the shorter one";
  EXPECT_EQ(one->calls, 1);
  EXPECT_EQ(two->calls, 1);
}

TEST_F(drain_of_jobs, on_another_context) {
  begin();
  asio::io_context other(1);
  ap::testing::virtual_time others(other);
  const auto h = w->jobs.submit(sleeps(5s));
  w->time.settle();
  const auto d = drain_on(other, 10s);
  others.settle();
  w->time.advance(4s);
  others.settle();
  EXPECT_EQ(d->calls, 0);
  w->time.advance(1s);
  others.settle();
  EXPECT_EQ(d->calls, 1);
}

TEST_F(drain_of_jobs, on_another_context_while_that_of_the_jobs_goes) {
  begin();
  asio::io_context other(1);
  ap::testing::virtual_time others(other);
  w->jobs.submit(sleeps(5s));
  w->time.settle();
  const auto d = drain_on(other, 10s);
  others.settle();
  EXPECT_EQ(d->calls, 0);
  w.reset();
  others.settle();
  EXPECT_EQ(d->calls, 1) << "nothing is left to wait for";
}

TEST_F(drain_of_jobs, keeps_the_store) {
  asio::io_context io(1);
  ap::testing::virtual_time time(io);
  std::optional<ap::job_store<int>> jobs(io);
  bool ended = false;
  jobs->submit([&ended](ap::job&) -> asio::awaitable<int> {
    co_await ap::sleep_for(5s);
    ended = true;
    co_return 1;
  });
  time.settle();
  int done = 0;
  asio::co_spawn(io, jobs->drain(10s), [&done](std::exception_ptr e) { done += !e; });
  jobs.reset();
  time.advance(5s);
  EXPECT_TRUE(ended);
  EXPECT_EQ(done, 1);
}

TEST_F(drain_of_jobs, goes_with_its_context) {
  begin();
  w->jobs.submit(sleeps(1h));
  const auto d = drain(1h);
  w.reset();
  EXPECT_EQ(d->calls, 0);
}

TEST_F(drain_of_jobs, ten_thousand_that_wait) {
  begin({.max_jobs = 10'000, .max_running = 10});
  for (int i = 0; i < 10'000; ++i) w->jobs.submit(sleeps(1h));
  w->time.settle();
  const auto d = drain(10s);
  EXPECT_EQ(w->counts(), "0 10 9990 0");
  w->time.advance(10s);
  EXPECT_EQ(w->counts(), "0 0 10000 0");
  EXPECT_EQ(d->calls, 1);
}

} // namespace
