// SPDX-License-Identifier: BSL-1.0
// Transitions that come at the same time: in virtual time, where each order can be had, and from threads.
#include "store_world.hpp"

#include <antiphon/jobs/offloaded.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <thread>

namespace {

using namespace job_tests;

/// What holds of the log of any job that is over: legal changes, one end, and that last.
void expect_legal(const seen& log, job_state end) {
  std::string state = ":pending";
  ASSERT_FALSE(log.empty());
  for (std::size_t i = 0; i < log.size(); ++i) {
    const auto& next = log[i];
    if (next[0] != ':') continue;
    const bool over = next == ":succeeded" || next == ":failed" || next == ":cancelled";
    EXPECT_EQ(over, i + 1 == log.size()) << next;
    EXPECT_TRUE(over || next == ":running" || (next == ":pending" && (i == 0 || state == ":running")))
        << state << " -> " << next;
    EXPECT_FALSE(next == ":succeeded" && state == ":pending");
    state = next;
  }
  EXPECT_EQ(state, ':' + std::string(to_string(end)));
}

// --- pairs, at one instant

enum what { work_ends, work_fails, work_fails_for_now, deadline, cancel, drain_limit, grace_ends, handles_die };
constexpr const char* names[] = {"the work ends", "it fails",      "it fails, for now", "deadline",
                                 "cancel",        "drain is over", "grace is over",     "the handles die"};

/// One job, to which two things happen in ten seconds; in which order is a matter of who was there first.
void race(what first, what second) {
  SCOPED_TRACE(std::string(names[first]) + ", then: " + names[second]);
  const auto is = [&](what w) { return first == w || second == w; };
  world<> w({.grace = 5s});
  auto jobs = std::optional(w.jobs);
  std::optional<ap::job_handle<int>> h;
  std::optional<follower> f;
  const bool fails = is(work_fails) || is(work_fails_for_now);
  const auto length = is(work_ends) || fails ? 10s : 100s;
  const auto submit = [&] {
    h = jobs->submit(
        [length, fails, heeds = !is(grace_ends)](ap::job& j) -> asio::awaitable<int> {
          if (!heeds) co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
          j.report(1);
          co_await ap::sleep_for(length);
          if (fails && j.attempt() == 1) throw std::runtime_error("once");
          co_return 7;
        },
        {.deadline = is(deadline) ? 10s : 0s, .attempts = is(work_fails_for_now) ? 2u : 1u, .first_wait = 1s});
    f.emplace(h->events());
    w.time.settle();
    if (is(grace_ends)) {
      asio::co_spawn(
          w.io,
          [](ap::job_handle<int> of) -> asio::awaitable<void> {
            co_await ap::sleep_for(5s);
            of.cancel();
          }(*h),
          [](std::exception_ptr) {});
    }
  };
  const auto later = [&](auto then) {
    asio::co_spawn(
        w.io,
        [](auto act) -> asio::awaitable<void> {
          co_await ap::sleep_for(10s);
          act();
        }(then),
        [](std::exception_ptr) {});
  };
  int drained = 0;
  const auto arm = [&](what each) {
    switch (each) {
    case work_ends:
    case work_fails:
    case work_fails_for_now:
    case deadline:
    case grace_ends:
      if (!h) submit();
      break;
    case cancel:
      later([&h] {
        if (h) h->cancel();
      });
      break;
    case drain_limit:
      if (!h) submit();
      asio::co_spawn(w.io, w.jobs.drain(10s), [&drained](std::exception_ptr) { ++drained; });
      break;
    case handles_die:
      later([&] {
        h.reset();
        jobs.reset();
        w.jobs = ap::job_store<int>(w.io);
      });
      break;
    }
    w.time.settle();
  };
  arm(first);
  arm(second);
  if (!h) submit();
  auto watched = is(handles_die) ? std::shared_ptr<awaited<int>>() : await_result(w.io, *h);
  w.time.advance(10s);
  if (!is(work_fails_for_now)) w.time.advance(5s + 1ms); // the grace
  w.time.advance(200s);
  const auto log = f->take();
  EXPECT_TRUE(f->ended);
  if (h) {
    const auto end = h->state();
    EXPECT_TRUE(is_over(end));
    expect_legal(log, end);
    const auto s = h->status();
    EXPECT_EQ(s.error.has_value(), end != job_state::succeeded);
    EXPECT_FALSE(s.cancelling);
    ASSERT_EQ(watched->calls, 1);
    EXPECT_EQ(watched->value.has_value(), end == job_state::succeeded);
    EXPECT_EQ(!watched->failure, end == job_state::succeeded);
    EXPECT_EQ(w.counts(), "0 0 1 0");
    EXPECT_EQ(w.jobs.failures().size(), end == job_state::failed ? 1u : 0u);
    EXPECT_EQ(w.jobs.counts().input, 0u);
  } else {
    EXPECT_EQ(log.back()[0], ':');
    expect_legal(log, *ap::parse_job_state(log.back().substr(1)));
  }
  EXPECT_EQ(drained, is(drain_limit));
}

TEST(racing_transitions, every_pair_in_both_orders) {
  for (int a = work_ends; a <= handles_die; ++a)
    for (int b = work_ends; b <= handles_die; ++b)
      if (a != b) race(static_cast<what>(a), static_cast<what>(b));
}

TEST(racing_transitions, finish_and_cancel_without_time_between) {
  // The cancellation comes in each of the turns of the loop in which a job begins and ends.
  for (int turns = 0; turns < 8; ++turns) {
    world<> w;
    const auto h = w.jobs.submit([](ap::job&) -> asio::awaitable<int> {
      const auto ex = co_await asio::this_coro::executor;
      co_await asio::post(ex, asio::use_awaitable);
      co_await asio::post(ex, asio::use_awaitable);
      co_return 7;
    });
    follower f(h.events());
    const auto result = await_result(w.io, h);
    for (int i = 0; i < turns; ++i) w.io.restart(), w.io.poll_one();
    h.cancel();
    w.time.settle();
    EXPECT_TRUE(is_over(h.state()));
    expect_legal(f.take(), h.state());
    EXPECT_EQ(result->value.has_value(), h.state() == job_state::succeeded);
    EXPECT_EQ(w.counts(), "0 0 1 0");
  }
}

TEST(racing_transitions, expire_and_read) {
  world<> w({.keep_for = 10s});
  const auto h = w.jobs.submit(gives(7));
  const auto id = h.id();
  w.time.settle();
  // Who reads at the instant finds nothing, whoever was first; who has it reads on.
  std::vector<bool> found;
  for (const ap::duration at : {ap::duration(10s) - 1ns, ap::duration(10s), ap::duration(10s) + 1ns})
    asio::co_spawn(
        w.io,
        [](world<>& in, ap::job_id of, ap::duration when, std::vector<bool>& to) -> asio::awaitable<void> {
          co_await ap::sleep_for(when);
          const auto there = in.jobs.find(of);
          to.push_back(there.has_value());
          EXPECT_EQ(in.jobs.list().size(), there ? 1u : 0u);
          if (there) {
            const auto value = co_await there->result();
            EXPECT_EQ(value, 7);
          }
        }(w, id, at, found),
        [](std::exception_ptr e) { EXPECT_FALSE(e); });
  w.time.advance(11s);
  EXPECT_EQ(found, (std::vector<bool>{true, false, false}));
  EXPECT_EQ(h.state(), job_state::succeeded);
}

TEST(racing_transitions, forget_and_wait_for_the_result) {
  world<> w({.max_jobs = 1, .forget_ended = true});
  const auto first = await_result(w.io, w.jobs.submit(gives(1)));
  w.io.restart();
  while (w.jobs.counts().over == 0) w.io.poll_one();
  const auto second = await_result(w.io, w.jobs.submit(gives(2))); // the first is forgotten
  EXPECT_EQ(first->calls, 0);
  w.time.settle();
  EXPECT_EQ(first->value, 1);
  EXPECT_EQ(second->value, 2);
}

// --- at random

TEST(racing_transitions, random_lives) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    std::minstd_rand random(seed);
    const auto some = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    const std::size_t at_most = 1 + some(4);
    world<> w({.max_jobs = 1000, .max_running = at_most, .history = 10'000, .grace = 2s});
    struct one {
      ap::job_handle<int> h;
      follower f;
      std::shared_ptr<awaited<int>> result;
      seen log;
    };
    std::vector<one> all;
    std::size_t running = 0, most = 0;
    const auto submit = [&] {
      const auto steps = some(4);
      const auto failures = some(3);
      const bool hears = some(4) != 0;
      const bool for_good = some(8) == 0;
      const unsigned step = 1 + some(3000);
      const auto work = [&, steps, failures, hears, for_good, step](ap::job& j) -> asio::awaitable<int> {
        struct place {
          explicit place(std::size_t& r, std::size_t& m) : in(r) { m = std::max(m, ++in); }
          ~place() { --in; }
          std::size_t& in;
        } const held(running, most);
        if (!hears) co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        for (unsigned i = 0; i < steps; ++i) {
          co_await ap::sleep_for(std::chrono::milliseconds(step));
          j.report(i);
        }
        if (for_good) throw ap::job_failure(ap::problem(ap::status::gone)).for_good();
        if (j.attempt() <= failures) throw std::runtime_error("again");
        co_return 1;
      };
      ap::job_options o;
      o.priority = static_cast<int>(some(3));
      o.deadline = some(3) == 0 ? std::chrono::milliseconds(some(6000)) : 0ms;
      o.attempts = some(4);
      o.first_wait = std::chrono::milliseconds(some(2000));
      o.input = some(100);
      auto h = w.jobs.submit(work, o);
      auto f = follower(h.events());
      all.push_back({h, std::move(f), await_result(w.io, h), {}});
    };
    const auto look = [&] {
      for (auto& each : all) {
        for (auto& m : each.f.take()) each.log.push_back(std::move(m));
        const auto s = each.h.status();
        EXPECT_EQ(s.error.has_value(), s.state == job_state::failed || s.state == job_state::cancelled);
      }
      const auto c = w.jobs.counts();
      EXPECT_EQ(c.running, running);
      EXPECT_LE(c.running, at_most);
      EXPECT_LE(c.abandoned, c.running);
      EXPECT_EQ(c.pending + c.running - c.abandoned + c.over, all.size());
    };
    for (int step = 0; step < 60; ++step) {
      switch (some(6)) {
      case 0:
      case 1:
      case 2: submit(); break;
      case 3:
        if (!all.empty()) all[some(static_cast<unsigned>(all.size()))].h.cancel();
        break;
      case 4: w.time.advance(std::chrono::milliseconds(some(3000))); break;
      case 5: w.time.settle(); break;
      }
      if (some(10) == 0) look();
    }
    bool drained = false;
    if (some(2) == 0)
      asio::co_spawn(w.io, w.jobs.drain(std::chrono::milliseconds(some(5000))),
                     [&drained](std::exception_ptr e) { drained = !e; });
    else
      drained = true;
    w.time.advance(5min);
    look();
    EXPECT_TRUE(drained);
    EXPECT_LE(most, at_most);
    std::size_t failed = 0;
    for (const auto& each : all) {
      const auto end = each.h.state();
      ASSERT_TRUE(is_over(end));
      failed += end == job_state::failed;
      expect_legal(each.log, end);
      EXPECT_TRUE(each.f.ended);
      EXPECT_EQ(each.result->calls, 1);
      EXPECT_EQ(each.result->value.has_value(), end == job_state::succeeded);
    }
    EXPECT_EQ(w.jobs.failures().size(), std::min<std::size_t>(failed, 100));
    const auto c = w.jobs.counts();
    EXPECT_EQ(c.pending + c.running + c.abandoned + c.input, 0u);
    if (HasFailure()) return;
  }
}

// --- threads

/// Four threads do all that a handle and a store can do, while jobs come and go.
class crowd {
 public:
  crowd(ap::job_store<int> s, asio::thread_pool& p, int each) : store_(std::move(s)), pool_(p), each_(each) {
    store_.on_error([this](const ap::job_status&, std::exception_ptr) { ++failures; });
  }
  void run() {
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back([this, seed] { act(seed); });
    for (auto& t : threads) t.join();
  }
  std::atomic<int> taken = 0, refused = 0, failures = 0;

 private:
  void act(unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<ap::job_handle<int>> own;
    std::vector<follower> followers;
    for (int i = 0; i < each_; ++i) {
      submit(random, own);
      if (own.empty()) continue;
      const auto& h = own[random() % own.size()];
      switch (random() % 8) {
      case 0: h.cancel(); break;
      case 1: static_cast<void>(h.status().what.size() + to_string(h.id()).size()); break;
      case 2: followers.emplace_back(h.events()); break;
      case 3: {
        const auto found = store_.find(h.id());
        if (found) found->cancel();
        break;
      }
      case 4: static_cast<void>(store_.list(job_state::running, 5).size() + store_.failures().size()); break;
      case 5: static_cast<void>(store_.counts().running); break;
      case 6:
        for (auto& f : followers) f.take();
        break;
      case 7:
        if (own.size() > 20) own.erase(own.begin(), own.begin() + 10);
        break;
      }
    }
  }
  void submit(std::minstd_rand& random, std::vector<ap::job_handle<int>>& to) {
    ap::job_options o;
    if (random() % 4 == 0) o.deadline = std::chrono::microseconds(random() % 3000);
    o.attempts = 1 + static_cast<unsigned>(random() % 2);
    o.first_wait = 500us;
    o.priority = static_cast<int>(random() % 2);
    const auto kind = random() % 4;
    const auto work = [kind](ap::job& j) -> asio::awaitable<int> {
      j.report(1);
      if (kind == 0) co_await ap::sleep_for(1ms);
      if (kind == 1 && j.attempt() == 1) throw std::runtime_error("once");
      j.report(2);
      co_return 1;
    };
    const auto blocking = [](ap::job& j) {
      for (int i = 0; i < 10 && !j.cancelled(); ++i) j.report(i);
      j.throw_if_cancelled();
      return 1;
    };
    ap::error_code ec;
    auto h = kind == 3 ? store_.submit(ap::offloaded(pool_, blocking), o, ec) : store_.submit(work, o, ec);
    ++(h ? taken : refused);
    if (h) to.push_back(*std::move(h));
  }

  ap::job_store<int> store_;
  asio::thread_pool& pool_;
  const int each_;
};

constexpr ap::job_store_options crowded{
    .max_jobs = 200, .max_running = 8, .forget_ended = true, .history = 5, .grace = 1ms, .failures = 10};

TEST(racing_threads, on_a_context) {
  asio::thread_pool pool(2);
  asio::io_context io(1);
  ap::job_store<int> jobs(io, crowded);
  auto work = asio::make_work_guard(io);
  std::thread runs([&] { io.run(); });
  crowd c(jobs, pool, 400);
  c.run();
  work.reset();
  runs.join();
  EXPECT_GT(c.taken, 100);
  const auto counts = jobs.counts();
  EXPECT_EQ(counts.pending + counts.running + counts.abandoned + counts.input, 0u);
}

TEST(racing_threads, on_a_pool_and_on_strands) {
  for (int how = 0; how < 3; ++how) {
    asio::thread_pool pool(2);
    asio::thread_pool context(3);
    const asio::any_io_executor ex =
        how == 0   ? asio::any_io_executor(context.get_executor())
        : how == 1 ? asio::any_io_executor(asio::make_strand(context))
                   : asio::any_io_executor(asio::make_strand(asio::any_io_executor(context.get_executor())));
    ap::job_store<int> jobs(ex, crowded);
    crowd c(jobs, pool, 200);
    c.run();
    context.join();
    EXPECT_GT(c.taken, 100);
    const auto counts = jobs.counts();
    EXPECT_EQ(counts.pending + counts.running + counts.abandoned + counts.input, 0u);
  }
}

TEST(racing_threads, the_context_goes_meanwhile) {
  for (int round = 0; round < 10; ++round) {
    asio::thread_pool pool(2);
    std::optional<asio::io_context> io(1);
    crowd c(ap::job_store<int>(*io, crowded), pool, 150);
    std::thread others([&] { c.run(); });
    std::thread runs([&] {
      while (c.taken < 100) io->poll_one(), io->restart();
      io.reset();
    });
    runs.join();
    others.join();
    EXPECT_GE(c.taken, 100);
  }
}

TEST(racing_threads, the_last_handle_and_the_context_go_at_once) {
  for (int round = 0; round < 200; ++round) {
    std::optional<asio::io_context> io(1);
    auto jobs =
        round % 2 ? std::optional<ap::job_store<int>>(*io) : std::optional<ap::job_store<int>>(asio::make_strand(*io));
    jobs->submit(sleeps(1h));
    jobs->submit(gives(1));
    io->poll();
    jobs->submit(sleeps(1h), {.deadline = 1h});
    std::atomic<int> ready = 0;
    const auto meet = [&] {
      ++ready;
      while (ready != 2) {}
    };
    std::thread one([&] {
      meet();
      jobs.reset();
    });
    meet();
    io.reset();
    one.join();
  }
}

TEST(racing_threads, drain_while_jobs_come) {
  for (int round = 0; round < 10; ++round) {
    asio::thread_pool pool(2);
    asio::io_context io(1);
    ap::job_store<int> jobs(io, crowded);
    crowd c(jobs, pool, 100);
    std::thread others([&] { c.run(); });
    while (c.taken < 50) io.poll(), io.restart();
    bool drained = false;
    asio::co_spawn(io, jobs.drain(2ms), [&](std::exception_ptr e) { drained = !e; });
    io.restart();
    io.run();
    others.join();
    EXPECT_TRUE(drained);
    const auto counts = jobs.counts();
    EXPECT_EQ(counts.pending + counts.running, 0u);
  }
}

} // namespace
