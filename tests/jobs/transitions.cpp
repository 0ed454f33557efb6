// SPDX-License-Identifier: BSL-1.0
// Every state of a job, and every way from one to another.
#include "store_world.hpp"

#include <algorithm>

namespace {

using namespace job_tests;

struct job_transitions : ::testing::Test {
  void begin(const ap::job_store_options& o = {}) { w.emplace(o); }
  world<>& at() {
    if (!w) begin();
    return *w;
  }
  std::optional<world<>> w;
};

TEST_F(job_transitions, pending_running_succeeded) {
  auto& [told, io, time, jobs] = at();
  bool called = false;
  const auto before = std::chrono::system_clock::now();
  const auto h = jobs.submit([&called](ap::job& j) -> asio::awaitable<int> {
    called = true;
    EXPECT_EQ(j.attempt(), 1u);
    co_await ap::sleep_for(5s);
    co_return 42;
  });
  EXPECT_EQ(h.state(), job_state::pending);
  EXPECT_FALSE(called) << "begun within submit()";
  EXPECT_EQ(w->counts(), "1 0 0 0");
  auto s = h.status();
  EXPECT_EQ(s.id, h.id());
  EXPECT_EQ(s.attempt, 0u);
  EXPECT_GE(s.created, before);

  time.settle();
  EXPECT_TRUE(called);
  EXPECT_EQ(h.state(), job_state::running);
  EXPECT_EQ(w->counts(), "0 1 0 0");
  s = h.status();
  EXPECT_EQ(s.state, job_state::running);
  EXPECT_EQ(s.attempt, 1u);
  EXPECT_FALSE(s.cancelling);
  EXPECT_FALSE(s.error);
  const auto waiting = await_result(io, h);
  time.advance(4s);
  EXPECT_EQ(waiting->calls, 0);

  time.advance(1s);
  EXPECT_EQ(h.state(), job_state::succeeded);
  EXPECT_EQ(w->counts(), "0 0 1 0");
  EXPECT_EQ(waiting->calls, 1);
  EXPECT_EQ(waiting->value, 42);
  s = h.status();
  EXPECT_FALSE(s.error);
  EXPECT_EQ(s.what, "");
  EXPECT_TRUE(told.empty());
  const auto again = await_result(io, h); // a copy: as often as one likes
  time.settle();
  EXPECT_EQ(again->value, 42);
}

TEST_F(job_transitions, pending_cancelled) {
  auto& [told, io, time, jobs] = at();
  const auto witness = std::make_shared<int>();
  const auto h = jobs.submit([witness](ap::job&) -> asio::awaitable<int> {
    ADD_FAILURE() << "it was cancelled before";
    co_return 1;
  });
  const auto waiting = await_result(io, h);
  h.cancel();
  EXPECT_EQ(h.state(), job_state::cancelled) << "at once";
  EXPECT_EQ(witness.use_count(), 1) << "the work has gone";
  EXPECT_EQ(w->counts(), "0 0 1 0");
  time.settle();
  EXPECT_EQ(code_of(waiting->failure), ap::jobs::error::cancelled);
  const auto s = h.status();
  EXPECT_EQ(s.attempt, 0u);
  EXPECT_FALSE(s.cancelling);
  ASSERT_TRUE(s.error);
  EXPECT_EQ(s.error->status(), ap::status::conflict);
  EXPECT_TRUE(jobs.failures().empty());
  EXPECT_TRUE(told.empty());
  h.cancel(); // once more changes nothing
  EXPECT_EQ(h.state(), job_state::cancelled);
}

TEST_F(job_transitions, running_cancelled) {
  auto& [told, io, time, jobs] = at();
  ap::error_code heard;
  const auto witness = std::make_shared<int>();
  const auto h = jobs.submit([&heard, witness](ap::job& j) -> asio::awaitable<int> {
    EXPECT_FALSE(j.cancelled());
    j.throw_if_cancelled();
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error& e) {
      heard = e.code();
      EXPECT_TRUE(j.cancelled());
      EXPECT_TRUE(j.stop_token().stop_requested());
      EXPECT_THROW(j.throw_if_cancelled(), ap::system_error);
      throw;
    }
    co_return 1;
  });
  time.settle();
  h.cancel();
  EXPECT_EQ(h.state(), job_state::running) << "until its work has ended";
  EXPECT_TRUE(h.status().cancelling);
  time.settle();
  EXPECT_EQ(heard, asio::error::operation_aborted);
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_FALSE(h.status().cancelling);
  EXPECT_EQ(h.status().error->status(), ap::status::conflict);
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(w->counts(), "0 0 1 0");
  EXPECT_TRUE(told.empty()) << "no failure";
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_EQ(code_of(result->failure), ap::jobs::error::cancelled);
}

TEST_F(job_transitions, running_succeeded_although_cancelled) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(deaf(2s, 7));
  time.settle();
  h.cancel();
  time.advance(1s);
  EXPECT_TRUE(h.status().cancelling);
  time.advance(1s);
  EXPECT_EQ(h.state(), job_state::succeeded) << "it had its result in the time of grace";
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_EQ(result->value, 7);
  EXPECT_EQ(w->counts(), "0 0 1 0");
  time.advance(1h); // the end of the grace is nothing to it
  EXPECT_EQ(h.state(), job_state::succeeded);
}

TEST_F(job_transitions, running_cancelled_with_an_error_of_its_own) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit([](ap::job&) -> asio::awaitable<int> {
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error&) {}
    throw std::runtime_error("while it gave up");
  });
  time.settle();
  h.cancel();
  time.settle();
  EXPECT_EQ(h.state(), job_state::cancelled);
}

TEST_F(job_transitions, running_failed) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit([](ap::job&) -> asio::awaitable<int> {
    co_await ap::sleep_for(1s);
    throw std::invalid_argument("the password is 1234");
  });
  time.advance(1s);
  EXPECT_EQ(h.state(), job_state::failed);
  auto s = h.status();
  ASSERT_TRUE(s.error);
  EXPECT_EQ(s.error->status(), ap::status::internal_server_error);
  EXPECT_EQ(s.error->to_json().find("1234"), std::string::npos) << "clients are told no text of the program";
  EXPECT_EQ(s.what, "the password is 1234") << "operators are";
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_THROW(std::rethrow_exception(result->failure), std::invalid_argument);
  EXPECT_EQ(told, seen{"1 failed the password is 1234"});
  ASSERT_EQ(jobs.failures().size(), 1u);
  EXPECT_EQ(jobs.failures()[0].id, h.id());
  EXPECT_EQ(jobs.failures()[0].what, "the password is 1234");
}

TEST_F(job_transitions, running_failed_with_a_problem) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit([](ap::job&) -> asio::awaitable<int> {
    throw ap::job_failure(ap::problem(ap::status::unprocessable_content).detail("this is no picture"));
    co_return 1;
  });
  time.settle();
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().error->status(), ap::status::unprocessable_content);
  EXPECT_NE(h.status().error->to_json().find("this is no picture"), std::string::npos);
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_THROW(std::rethrow_exception(result->failure), ap::job_failure);
}

TEST_F(job_transitions, running_failed_with_what_is_no_exception) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit([](ap::job&) -> asio::awaitable<int> {
    throw 7;
    co_return 1;
  });
  time.settle();
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_FALSE(h.status().what.empty());
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_THROW(std::rethrow_exception(result->failure), int);
}

TEST_F(job_transitions, running_failed_before_there_was_a_coroutine) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit([](ap::job&) -> asio::awaitable<int> { throw std::runtime_error("in the call"); });
  time.settle();
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().what, "in the call");
}

TEST_F(job_transitions, an_abort_of_its_own_is_a_failure) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit([](ap::job&) -> asio::awaitable<int> {
    throw ap::system_error(ap::error_code(asio::error::operation_aborted));
    co_return 1;
  });
  time.settle();
  EXPECT_EQ(h.state(), job_state::failed) << "nobody has cancelled it";
}

// --- attempts

TEST_F(job_transitions, running_pending_running_succeeded) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(fails(2), {.attempts = 5, .first_wait = 10s, .most_wait = 1min});
  time.settle();
  EXPECT_EQ(h.state(), job_state::pending);
  EXPECT_EQ(w->counts(), "1 0 0 0");
  EXPECT_EQ(h.status().attempt, 1u);
  EXPECT_FALSE(h.status().error) << "it may go well yet";
  EXPECT_EQ(h.status().what, "attempt 1");
  time.advance(10s);
  EXPECT_GE(h.status().attempt, 2u);
  time.advance(20s);
  EXPECT_EQ(h.state(), job_state::succeeded);
  EXPECT_EQ(h.status().attempt, 3u);
  EXPECT_FALSE(h.status().error);
  EXPECT_EQ(told, (seen{"1 pending attempt 1", "2 pending attempt 2"}));
  EXPECT_TRUE(jobs.failures().empty());
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_EQ(result->value, 3);
}

TEST_F(job_transitions, the_last_attempt_fails) {
  auto& [told, io, time, jobs] = at();
  const auto witness = std::make_shared<int>();
  const auto h = jobs.submit(
      [witness](ap::job& j) -> asio::awaitable<int> {
        throw std::runtime_error(std::to_string(j.attempt()));
        co_return *witness;
      },
      {.attempts = 3});
  time.advance(10s);
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().attempt, 3u);
  EXPECT_EQ(h.status().what, "3") << "the last one";
  EXPECT_EQ(told, (seen{"1 pending 1", "2 pending 2", "3 failed 3"}));
  EXPECT_EQ(jobs.failures().size(), 1u);
  EXPECT_EQ(witness.use_count(), 1);
  time.advance(1h);
  EXPECT_EQ(told.size(), 3u);
}

TEST_F(job_transitions, no_other_attempt_where_there_is_no_use) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(
      [](ap::job&) -> asio::awaitable<int> {
        throw ap::job_failure(ap::problem(ap::status::gone)).for_good();
        co_return 1;
      },
      {.attempts = 5});
  time.advance(1h);
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().attempt, 1u);
  EXPECT_EQ(h.status().error->status(), ap::status::gone);
  // One that does not say so is tried again.
  const auto other = jobs.submit(
      [](ap::job&) -> asio::awaitable<int> {
        throw ap::job_failure(ap::problem(ap::status::gone));
        co_return 1;
      },
      {.attempts = 2});
  time.advance(1h);
  EXPECT_EQ(other.status().attempt, 2u);
}

TEST_F(job_transitions, no_attempts_are_one) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(fails(1), {.attempts = 0});
  time.advance(1h);
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().attempt, 1u);
}

TEST_F(job_transitions, the_waits_are_at_random_up_to_a_cap_that_doubles) {
  auto& [told, io, time, jobs] = at();
  constexpr std::size_t many = 300;
  std::vector<std::vector<ap::time_point>> began(many);
  for (auto& of : began)
    jobs.submit(
        [&of, &t = time](ap::job&) -> asio::awaitable<int> {
          of.push_back(t.now());
          throw std::runtime_error("again");
          co_return 1;
        },
        {.attempts = 5, .first_wait = 1s, .most_wait = 3s});
  time.advance(1min);
  const ap::duration caps[] = {1s, 2s, 3s, 3s};
  for (std::size_t n = 0; n < 4; ++n) {
    ap::duration least = 1h, most{};
    for (const auto& of : began) {
      ASSERT_EQ(of.size(), 5u);
      const auto wait = of[n + 1] - of[n];
      EXPECT_LE(wait, caps[n]);
      least = std::min(least, wait);
      most = std::max(most, wait);
    }
    EXPECT_LT(least, caps[n] / 4);
    EXPECT_GT(most, caps[n] / 4 * 3);
  }
}

TEST_F(job_transitions, waits_beyond_all_measure_are_a_year) {
  auto& [told, io, time, jobs] = at();
  const auto h =
      jobs.submit(fails(1), {.attempts = 2, .first_wait = ap::duration::max(), .most_wait = ap::duration::max()});
  const auto at_once = jobs.submit(fails(1), {.attempts = 2, .first_wait = -1h, .most_wait = -2h});
  time.advance(0s);
  EXPECT_EQ(h.state(), job_state::pending);
  EXPECT_EQ(at_once.status().attempt, 2u);
  time.advance(std::chrono::hours(8761));
  EXPECT_EQ(h.state(), job_state::succeeded);
}

TEST_F(job_transitions, another_attempt_comes_after_those_who_wait) {
  begin({.max_running = 1});
  auto& [told, io, time, jobs] = at();
  std::string order;
  const auto work = [&order](char name, unsigned failures) {
    return [&order, name, failures](ap::job& j) -> asio::awaitable<int> {
      order += name;
      co_await ap::sleep_for(10s);
      if (j.attempt() <= failures) throw std::runtime_error("again");
      co_return 1;
    };
  };
  jobs.submit(work('a', 1), {.attempts = 2, .first_wait = 1s});
  jobs.submit(work('b', 0));
  jobs.submit(work('c', 0));
  time.advance(1min);
  EXPECT_EQ(order, "abca");
}

TEST_F(job_transitions, pending_between_attempts_cancelled) {
  auto& [told, io, time, jobs] = at();
  const auto witness = std::make_shared<int>();
  const auto h = jobs.submit(
      [witness](ap::job&) -> asio::awaitable<int> {
        throw std::runtime_error("once");
        co_return *witness;
      },
      {.attempts = 2, .first_wait = 1h, .most_wait = 1h});
  time.settle();
  h.cancel();
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(w->counts(), "0 0 1 0");
  time.advance(2h);
  EXPECT_EQ(h.status().attempt, 1u);
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_EQ(code_of(result->failure), ap::jobs::error::cancelled) << "not what it failed with before";
}

// --- deadlines

TEST_F(job_transitions, deadline_while_pending) {
  begin({.max_running = 1});
  auto& [told, io, time, jobs] = at();
  jobs.submit(sleeps(1h));
  bool called = false;
  const auto h = jobs.submit(
      [&called](ap::job&) -> asio::awaitable<int> {
        called = true;
        co_return 1;
      },
      {.deadline = 10s});
  const auto result = await_result(io, h);
  time.advance(10s - 1ns);
  EXPECT_EQ(h.state(), job_state::pending);
  time.advance(1ns);
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().error->status(), ap::status::gateway_timeout);
  EXPECT_EQ(code_of(result->failure), ap::jobs::error::deadline);
  EXPECT_EQ(w->counts(), "0 1 1 0");
  EXPECT_EQ(jobs.failures().size(), 1u);
  time.advance(2h);
  EXPECT_FALSE(called);
}

TEST_F(job_transitions, deadline_while_running) {
  auto& [told, io, time, jobs] = at();
  ap::error_code heard;
  const auto h = jobs.submit(
      [&heard](ap::job& j) -> asio::awaitable<int> {
        const auto token = j.stop_token();
        EXPECT_FALSE(token.stop_requested());
        try {
          co_await ap::sleep_for(1h);
        } catch (const ap::system_error& e) {
          heard = e.code();
        }
        EXPECT_TRUE(token.stop_requested());
        j.throw_if_cancelled();
        co_return 1;
      },
      {.deadline = 10s, .attempts = 3});
  time.advance(10s - 1ns);
  EXPECT_EQ(h.state(), job_state::running);
  time.advance(1ns);
  EXPECT_EQ(heard, asio::error::operation_aborted);
  EXPECT_EQ(h.state(), job_state::failed) << "and is not begun again";
  EXPECT_EQ(h.status().error->status(), ap::status::gateway_timeout);
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_EQ(code_of(result->failure), ap::jobs::error::deadline);
  EXPECT_EQ(jobs.failures().size(), 1u);
}

TEST_F(job_transitions, deadline_between_attempts) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(fails(9, 9s), {.deadline = 10s, .attempts = 9, .first_wait = 1000h, .most_wait = 1000h});
  time.advance(9s);
  EXPECT_EQ(h.state(), job_state::pending);
  time.advance(1s);
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().error->status(), ap::status::gateway_timeout);
  EXPECT_EQ(h.status().what, "attempt 1") << "which is why it was late";
  EXPECT_EQ(jobs.failures().size(), 1u);
  const auto result = await_result(io, h);
  time.settle();
  EXPECT_EQ(code_of(result->failure), ap::jobs::error::deadline);
  time.advance(2000h);
  EXPECT_EQ(told, seen{"1 pending attempt 1"});
}

TEST_F(job_transitions, deadline_of_one_that_is_over) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(sleeps(9s), {.deadline = 10s});
  const auto forever = jobs.submit(sleeps(9s), {.deadline = ap::duration::max()});
  const auto none = jobs.submit(sleeps(9s), {.deadline = -1s});
  time.advance(1min);
  for (const auto& each : {h, forever, none}) EXPECT_EQ(each.state(), job_state::succeeded);
}

// --- what does not hear

TEST_F(job_transitions, running_abandoned_after_the_grace) {
  begin({.max_running = 1, .grace = 5s});
  auto& [told, io, time, jobs] = at();
  const auto witness = std::make_shared<int>();
  auto work = deaf(1min, 7);
  const auto h = jobs.submit([witness, work](ap::job& j) -> asio::awaitable<int> { co_return co_await work(j); });
  const auto next = jobs.submit(gives(2));
  time.settle();
  h.cancel();
  const auto result = await_result(io, h);
  time.advance(5s - 1ns);
  EXPECT_EQ(h.state(), job_state::running);
  EXPECT_TRUE(h.status().cancelling);
  time.advance(1ns);
  EXPECT_EQ(h.state(), job_state::cancelled) << "for those who ask";
  EXPECT_EQ(code_of(result->failure), ap::jobs::error::cancelled);
  EXPECT_EQ(w->counts(), "1 1 1 1") << "the work still runs, and another one waits";
  EXPECT_GT(witness.use_count(), 1);
  EXPECT_EQ(next.state(), job_state::pending);
  time.advance(1min);
  EXPECT_EQ(next.state(), job_state::succeeded);
  EXPECT_EQ(h.state(), job_state::cancelled) << "its result comes too late";
  EXPECT_EQ(w->counts(), "0 0 2 0");
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_transitions, abandoned_after_its_deadline) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(deaf(1min), {.deadline = 10s});
  time.advance(15s - 1ns);
  EXPECT_EQ(h.state(), job_state::running);
  EXPECT_TRUE(h.status().cancelling);
  time.advance(1ns);
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().error->status(), ap::status::gateway_timeout);
  EXPECT_EQ(jobs.failures().size(), 1u);
  EXPECT_EQ(w->counts(), "0 1 1 1");
  time.advance(1min);
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(jobs.failures().size(), 1u) << "once";
  EXPECT_EQ(w->counts(), "0 0 1 0");
}

TEST_F(job_transitions, an_abandoned_one_that_fails_later_is_over) {
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(
      [](ap::job&) -> asio::awaitable<int> {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await ap::sleep_for(1min);
        throw std::runtime_error("too late");
      },
      {.attempts = 3});
  time.settle();
  h.cancel();
  time.advance(2min);
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_EQ(h.status().attempt, 1u);
  EXPECT_EQ(w->counts(), "0 0 1 0");
  EXPECT_TRUE(told.empty());
}

TEST_F(job_transitions, an_abandoned_one_may_be_forgotten_before_it_ends) {
  begin({.keep_for = 10s});
  auto& [told, io, time, jobs] = at();
  const auto h = jobs.submit(deaf(1h));
  time.settle();
  h.cancel();
  time.advance(1min);
  EXPECT_FALSE(jobs.find(h.id()));
  EXPECT_EQ(w->counts(), "0 1 0 1");
  time.advance(1h);
  EXPECT_EQ(w->counts(), "0 0 0 0");
  EXPECT_EQ(h.state(), job_state::cancelled);
}

} // namespace
