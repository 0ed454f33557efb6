// SPDX-License-Identifier: BSL-1.0
// At each limit of a store, one beyond it, and a hundred times as much.
#include "../support/allocated.hpp"
#include "store_world.hpp"

#include <algorithm>

namespace {

using namespace job_tests;

template <class W>
ap::error_code refused(const ap::job_store<int>& jobs, W work, const ap::job_options& o = {}) {
  ap::error_code ec;
  const auto h = jobs.submit(std::move(work), o, ec);
  EXPECT_EQ(h.has_value(), !ec);
  return ec;
}

// --- whose turn it is

TEST(job_limits, so_many_run_as_may) {
  world<> w({.max_running = 3});
  int running = 0, most = 0;
  std::string order;
  for (char name = 'a'; name <= 'z'; ++name)
    w.jobs.submit([&running, &most, &order, name](ap::job&) -> asio::awaitable<int> {
      order += name;
      most = std::max(most, ++running);
      co_await ap::sleep_for(1s);
      --running;
      co_return 1;
    });
  w.time.settle();
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(w.counts(), "23 3 0 0");
  w.time.advance(1s);
  EXPECT_EQ(order, "abcdef");
  w.time.advance(1min);
  EXPECT_EQ(order, "abcdefghijklmnopqrstuvwxyz") << "in the order of their coming";
  EXPECT_EQ(most, 3);
  EXPECT_EQ(w.counts(), "0 0 26 0");
}

TEST(job_limits, higher_priorities_first) {
  world<> w({.max_running = 1});
  std::vector<std::string> order;
  const auto put = [&](const char* name, int priority, unsigned failures = 0) {
    return w.jobs.submit(
        [&order, name, failures](ap::job& j) -> asio::awaitable<int> {
          order.emplace_back(name);
          co_await ap::sleep_for(1s);
          if (j.attempt() <= failures) throw std::runtime_error("again");
          co_return 1;
        },
        {.priority = priority, .attempts = failures + 1, .first_wait = {}});
  };
  put("usual 1", 0);
  put("usual 2", 0);
  put("low", -1);
  put("lowest", std::numeric_limits<int>::min());
  put("high 1", 5);
  put("high 2", 5);
  put("highest", std::numeric_limits<int>::max());
  const auto gone = put("gone", 7);
  gone.cancel();
  put("higher, twice", 6, 1);
  w.time.advance(1500ms);
  put("last of the high ones", 5);
  w.time.advance(1min);
  EXPECT_EQ(order, (seen{"highest", "higher, twice", "high 1", "higher, twice", "high 2", "last of the high ones",
                         "usual 1", "usual 2", "low", "lowest"}));
}

TEST(job_limits, ten_thousand_jobs) {
  world<> w({.max_jobs = 10'000, .max_running = 50});
  std::size_t running = 0, most = 0, done = 0, next = 0;
  bool in_order = true;
  std::vector<ap::job_handle<int>> handles;
  for (std::size_t i = 0; i < 10'000; ++i)
    handles.push_back(w.jobs.submit([&, i](ap::job&) -> asio::awaitable<int> {
      in_order = in_order && i == next;
      ++next;
      most = std::max(most, ++running);
      if (i % 3 == 0) co_await ap::sleep_for(1ms);
      --running;
      ++done;
      if (i % 100 == 7) throw std::runtime_error("each hundredth");
      co_return static_cast<int>(i);
    }));
  EXPECT_EQ(w.counts(), "10000 0 0 0");
  w.time.advance(1min);
  EXPECT_EQ(done, 10'000u);
  EXPECT_EQ(most, 50u);
  EXPECT_TRUE(in_order);
  EXPECT_EQ(w.counts(), "0 0 10000 0");
  EXPECT_EQ(w.told.size(), 100u);
  for (std::size_t i = 0; i < handles.size(); ++i)
    ASSERT_EQ(handles[i].state(), i % 100 == 7 ? job_state::failed : job_state::succeeded);
}

TEST(job_limits, ten_thousand_that_end_at_once_need_no_stack) {
  world<> w({.max_jobs = 20'000, .max_running = 1});
  int done = 0;
  for (int i = 0; i < 20'000; ++i) w.jobs.submit([&done](ap::job&) -> asio::awaitable<int> { co_return ++done; });
  w.time.settle();
  EXPECT_EQ(done, 20'000);
}

// --- how many there are

TEST(job_limits, max_jobs_at_the_limit_and_beyond) {
  world<> w({.max_jobs = 10, .max_running = 2});
  std::vector<ap::job_handle<int>> handles;
  for (int i = 0; i < 10; ++i) handles.push_back(w.jobs.submit(sleeps(10s)));
  EXPECT_EQ(refused(w.jobs, gives(1)), ap::jobs::error::full);
  try {
    w.jobs.submit(gives(1));
    ADD_FAILURE();
  } catch (const ap::system_error& e) {
    EXPECT_EQ(e.code(), ap::jobs::error::full);
  }
  const auto witness = std::make_shared<int>();
  EXPECT_TRUE(refused(w.jobs, [witness](ap::job&) -> asio::awaitable<int> { co_return 1; }));
  EXPECT_EQ(witness.use_count(), 1) << "what was refused is gone";
  handles[9].cancel();
  EXPECT_EQ(refused(w.jobs, gives(1)), ap::jobs::error::full) << "those that are over are kept";
  w.time.advance(10min - 1ns);
  EXPECT_EQ(w.counts(), "0 0 10 0");
  EXPECT_EQ(refused(w.jobs, gives(1)), ap::jobs::error::full);
  w.time.advance(1ns);
  EXPECT_FALSE(refused(w.jobs, gives(1))) << "one is no longer";
  EXPECT_EQ(refused(w.jobs, gives(1)), ap::jobs::error::full);
}

TEST(job_limits, a_hundred_times_max_jobs_changes_nothing) {
  world<> w({.max_jobs = 100, .max_running = 2});
  for (int i = 0; i < 100; ++i) w.jobs.submit(sleeps(10s));
  w.time.settle();
  const auto before = threat::allocated();
  const std::string input(10'000, 'i');
  int taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    taken += !refused(w.jobs, [input](ap::job&) -> asio::awaitable<int> { co_return static_cast<int>(input.size()); });
    if (i % 100 == 0) w.time.settle();
  }
  EXPECT_EQ(taken, 0);
  EXPECT_LE(threat::allocated(), before + 64 * 1024);
}

TEST(job_limits, forget_ended_makes_room_by_the_oldest_end) {
  world<> w({.max_jobs = 4, .forget_ended = true});
  const auto slow = w.jobs.submit(sleeps(1h));
  const auto first = w.jobs.submit(sleeps(2s));
  const auto second = w.jobs.submit(sleeps(1s)); // ends before the first
  const auto third = w.jobs.submit(sleeps(3s));
  w.time.settle();
  EXPECT_EQ(refused(w.jobs, gives(1)), ap::jobs::error::full) << "none has ended";
  w.time.advance(10s);
  EXPECT_FALSE(refused(w.jobs, sleeps(1h)));
  EXPECT_FALSE(w.jobs.find(second.id()));
  EXPECT_TRUE(w.jobs.find(first.id()));
  EXPECT_FALSE(refused(w.jobs, sleeps(1h)));
  EXPECT_FALSE(w.jobs.find(first.id()));
  EXPECT_FALSE(refused(w.jobs, sleeps(1h)));
  EXPECT_FALSE(w.jobs.find(third.id()));
  EXPECT_TRUE(w.jobs.find(slow.id()));
  EXPECT_EQ(refused(w.jobs, gives(1)), ap::jobs::error::full);
  const auto result = await_result(w.io, second); // its handle has it
  w.time.settle();
  EXPECT_EQ(result->value, 1);
}

TEST(job_limits, a_hundred_times_as_many_pass_through_without_growing) {
  world<std::string> w({.max_jobs = 100, .forget_ended = true});
  const auto pass = [&](int count) {
    for (int i = 0; i < count; ++i) {
      ap::error_code ec;
      w.jobs.submit(
          [i](ap::job& j) -> asio::awaitable<std::string> {
            j.report(i);
            if (i % 2 == 0) throw std::runtime_error("each other");
            co_return std::string(1000, 'r');
          },
          {.input = 10}, ec);
      EXPECT_FALSE(ec);
      w.time.settle();
    }
  };
  w.jobs.on_error([](const ap::job_status&, std::exception_ptr) {});
  pass(300);
  const auto before = threat::allocated();
  pass(10'000);
  EXPECT_LE(threat::allocated(), before + 64 * 1024);
  EXPECT_EQ(w.counts(), "0 0 100 0");
  EXPECT_EQ(w.jobs.counts().input, 0u);
  EXPECT_EQ(w.jobs.failures().size(), 100u);
}

TEST(job_limits, no_jobs_at_all) {
  world<> w({.max_jobs = 0});
  EXPECT_EQ(refused(w.jobs, gives(1)), ap::jobs::error::full);
  world<> forgetful({.max_jobs = 0, .forget_ended = true});
  EXPECT_EQ(refused(forgetful.jobs, gives(1)), ap::jobs::error::full);
}

// --- their input

TEST(job_limits, max_input_at_the_limit_and_beyond) {
  world<> w({.max_input = 1000});
  EXPECT_EQ(refused(w.jobs, gives(1), {.input = 1001}), ap::jobs::error::too_much_input);
  EXPECT_EQ(refused(w.jobs, gives(1), {.input = ~std::uint64_t{0}}), ap::jobs::error::too_much_input);
  const auto h = w.jobs.submit(sleeps(10s), {.input = 600});
  EXPECT_EQ(refused(w.jobs, gives(1), {.input = 401}), ap::jobs::error::too_much_input);
  EXPECT_EQ(refused(w.jobs, gives(1), {.input = ~std::uint64_t{0} - 599}), ap::jobs::error::too_much_input);
  const auto rest = w.jobs.submit(sleeps(1h), {.input = 400});
  EXPECT_EQ(w.jobs.counts().input, 1000u);
  EXPECT_EQ(refused(w.jobs, gives(1), {.input = 1}), ap::jobs::error::too_much_input);
  EXPECT_FALSE(refused(w.jobs, gives(1), {.input = 0}));
  w.time.advance(10s);
  EXPECT_EQ(h.state(), job_state::succeeded);
  EXPECT_EQ(w.jobs.counts().input, 400u) << "those that are over hold none";
  rest.cancel();
  w.time.settle();
  EXPECT_EQ(w.jobs.counts().input, 0u);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(refused(w.jobs, gives(1), {.input = 10}));
  EXPECT_EQ(refused(w.jobs, gives(1), {.input = 10}), ap::jobs::error::too_much_input);
}

TEST(job_limits, input_counts_between_attempts) {
  world<> w({.max_input = 1000});
  const auto h = w.jobs.submit(fails(1), {.attempts = 2, .first_wait = 1h, .most_wait = 1h, .input = 1000});
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::pending);
  EXPECT_EQ(w.jobs.counts().input, 1000u);
  w.time.advance(1h);
  EXPECT_EQ(w.jobs.counts().input, 0u);
}

// --- for how long

TEST(job_limits, keep_for) {
  world<std::string> w({.keep_for = 60s});
  std::optional<ap::job_handle<std::string>> h = w.jobs.submit(gives(std::string("kept")));
  const auto id = h->id();
  w.time.settle();
  w.time.advance(60s - 1ns);
  ASSERT_TRUE(w.jobs.find(id));
  EXPECT_EQ(w.jobs.list().size(), 1u);
  w.time.advance(1ns);
  EXPECT_TRUE(w.jobs.list().empty());
  EXPECT_FALSE(w.jobs.find(id));
  EXPECT_EQ(w.counts(), "0 0 0 0") << "destroyed at the first use";
  const auto result = await_result(w.io, *h);
  w.time.settle();
  EXPECT_EQ(result->value, "kept") << "the handle has it still";
  EXPECT_EQ(h->status().state, job_state::succeeded);
  EXPECT_EQ(h->state(), job_state::succeeded);
  h->cancel();
  follower f(h->events());
  EXPECT_EQ(f.take(), seen{":succeeded"});
}

TEST(job_limits, what_is_over_is_destroyed_at_the_next_use) {
  struct counted_result {
    std::shared_ptr<int> witness;
  };
  const auto witness = std::make_shared<int>();
  world<counted_result> w({.keep_for = 60s});
  for (int i = 0; i < 1000; ++i)
    w.jobs.submit([witness](ap::job&) -> asio::awaitable<counted_result> { co_return counted_result{witness}; });
  w.time.settle();
  EXPECT_EQ(witness.use_count(), 1001);
  w.time.advance(60s);
  for (int uses = 0; uses < 16; ++uses) { // some at each
    const auto before = witness.use_count();
    w.jobs.find(ap::job_id{1, 2});
    EXPECT_LT(witness.use_count(), before);
    EXPECT_GE(witness.use_count(), before - 64);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(job_limits, kept_for_no_time) {
  world<> w({.keep_for = {}});
  const auto h = w.jobs.submit(gives(1));
  EXPECT_TRUE(w.jobs.find(h.id()));
  w.time.settle();
  EXPECT_FALSE(w.jobs.find(h.id()));
  EXPECT_EQ(h.state(), job_state::succeeded);
}

TEST(job_limits, what_waits_or_runs_does_not_expire) {
  world<> w({.max_running = 1, .keep_for = 1s});
  const auto running = w.jobs.submit(sleeps(1h));
  const auto pending = w.jobs.submit(sleeps(1h));
  w.time.advance(30min);
  EXPECT_TRUE(w.jobs.find(running.id()));
  EXPECT_TRUE(w.jobs.find(pending.id()));
  EXPECT_EQ(w.jobs.list().size(), 2u);
}

// --- failures

TEST(job_limits, failures_are_the_last_ones) {
  world<> w({.keep_for = 1s, .failures = 3});
  for (int i = 0; i < 3; ++i) w.jobs.submit(fails(1));
  w.time.settle();
  EXPECT_EQ(w.jobs.failures().size(), 3u);
  std::vector<ap::job_id> ids;
  for (int i = 0; i < 300; ++i) {
    ids.push_back(w.jobs.submit(fails(1)).id());
    w.time.advance(1s);
  }
  const auto failures = w.jobs.failures();
  ASSERT_EQ(failures.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(failures[i].id, ids[297 + i]);
    EXPECT_EQ(failures[i].state, job_state::failed);
    EXPECT_EQ(failures[i].what, "attempt 1");
    EXPECT_TRUE(failures[i].error);
    EXPECT_FALSE(w.jobs.find(failures[i].id)) << "which are kept no more";
  }
}

TEST(job_limits, no_failures_are_kept) {
  world<> w({.failures = 0});
  w.jobs.submit(fails(1));
  w.time.settle();
  EXPECT_TRUE(w.jobs.failures().empty());
}

// --- grace

TEST(job_limits, no_grace_at_all) {
  world<> w({.grace = {}});
  const auto h = w.jobs.submit(deaf(1min));
  w.time.settle();
  h.cancel();
  w.time.advance(0s);
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_EQ(w.counts(), "0 1 1 1");
}

TEST(job_limits, what_was_abandoned_takes_its_place) {
  world<> w({.max_running = 2, .grace = 1s});
  const auto one = w.jobs.submit(deaf(1h)), two = w.jobs.submit(deaf(2h)), three = w.jobs.submit(gives(1));
  w.time.settle();
  one.cancel();
  two.cancel();
  w.time.advance(1min);
  EXPECT_EQ(w.counts(), "1 2 2 2") << "its work still runs: more of it would be more than may";
  w.time.advance(1h);
  EXPECT_EQ(three.state(), job_state::succeeded);
}

} // namespace
