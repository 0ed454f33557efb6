// SPDX-License-Identifier: BSL-1.0
#include "store_world.hpp"

#include <antiphon/jobs/offloaded.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace {

using namespace job_tests;

// The pool is a context whose turn the test decides.
struct offloaded_job : ::testing::Test {
  void settle() {
    w.time.settle();
    pool.restart();
    pool.poll();
    w.time.settle();
  }
  asio::io_context pool{1};
  world<> w;
};

TEST_F(offloaded_job, runs_on_the_pool_and_gives_its_result) {
  bool there = false;
  const auto h = w.jobs.submit(ap::offloaded(pool, [&](ap::job& j) {
    there = pool.get_executor().running_in_this_thread();
    j.report(50);
    EXPECT_EQ(j.attempt(), 1u);
    return 42;
  }));
  const auto result = await_result(w.io, h);
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::running) << "a pool that is busy makes it wait";
  settle();
  EXPECT_TRUE(there);
  EXPECT_EQ(result->value, 42);
  EXPECT_EQ(h.status().progress->bytes.view(), "50");
}

TEST_F(offloaded_job, void_and_what_can_be_moved_only) {
  world<void> nothing;
  bool called = false;
  const auto h = nothing.jobs.submit(ap::offloaded(pool.get_executor(), [&called](ap::job&) { called = true; }));
  nothing.time.settle();
  settle();
  nothing.time.settle();
  EXPECT_TRUE(called);
  EXPECT_EQ(h.state(), job_state::succeeded);
  world<std::unique_ptr<int>> moved;
  const auto m = moved.jobs.submit(
      ap::offloaded(pool, [own = std::make_unique<int>(7)](ap::job&) { return std::make_unique<int>(*own); }));
  moved.time.settle();
  settle();
  moved.time.settle();
  EXPECT_EQ(m.state(), job_state::succeeded);
}

TEST_F(offloaded_job, what_it_throws) {
  const auto h = w.jobs.submit(ap::offloaded(pool,
                                             [](ap::job& j) -> int {
                                               if (j.attempt() == 1) throw std::runtime_error("blocked and failed");
                                               return static_cast<int>(j.attempt());
                                             }),
                               {.attempts = 2, .first_wait = 1s});
  settle();
  EXPECT_EQ(h.state(), job_state::pending);
  EXPECT_EQ(w.told, seen{"1 pending blocked and failed"});
  w.time.advance(1s);
  settle();
  const auto result = await_result(w.io, h);
  w.time.settle();
  EXPECT_EQ(result->value, 2);
}

TEST_F(offloaded_job, cancelled_before_it_begins_is_never_called) {
  const auto witness = std::make_shared<int>();
  const auto h = w.jobs.submit(ap::offloaded(pool, [witness](ap::job&) {
    ADD_FAILURE() << "it was cancelled";
    return 1;
  }));
  w.time.settle();
  h.cancel();
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::cancelled) << "without the pool";
  EXPECT_EQ(witness.use_count(), 1);
  settle();
}

TEST_F(offloaded_job, cancelled_while_it_runs_hears_by_its_token) {
  std::function<void(ap::job&)> then;
  const auto h = w.jobs.submit(ap::offloaded(pool, [&then](ap::job& j) {
    EXPECT_FALSE(j.cancelled());
    const auto token = j.stop_token();
    then(j);
    EXPECT_TRUE(token.stop_requested());
    EXPECT_TRUE(j.cancelled());
    j.throw_if_cancelled();
    return 1;
  }));
  then = [&](ap::job&) {
    h.cancel();
    w.time.settle();
    EXPECT_EQ(h.state(), job_state::running);
  };
  settle();
  EXPECT_EQ(h.state(), job_state::cancelled);
  EXPECT_TRUE(w.told.empty());
}

TEST_F(offloaded_job, a_deadline_is_heard_as_well) {
  std::function<void()> then;
  const auto h = w.jobs.submit(ap::offloaded(pool,
                                             [&then](ap::job& j) {
                                               then();
                                               EXPECT_TRUE(j.cancelled());
                                               return 1;
                                             }),
                               {.deadline = 10s});
  then = [&] { w.time.advance(20s); };
  settle();
  EXPECT_EQ(h.state(), job_state::failed) << "abandoned meanwhile";
  EXPECT_EQ(w.counts(), "0 0 1 0");
}

TEST_F(offloaded_job, the_pool_is_destroyed_before_it_begins) {
  std::optional<asio::io_context> other(1);
  const auto h = w.jobs.submit(ap::offloaded(*other, [](ap::job&) { return 1; }));
  w.time.settle();
  other.reset();
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::failed);
}

TEST_F(offloaded_job, the_store_dies_while_it_runs) {
  // By its token it hears of that, and by cancelled(); its end is nobody's any more.
  const auto witness = std::make_shared<int>();
  std::optional<asio::io_context> io(1);
  ap::testing::virtual_time time(*io);
  for (const bool with_token : {false, true})
    for (const bool strand : {false, true}) {
      std::optional<ap::job_store<int>> jobs;
      if (strand) {
        jobs.emplace(asio::make_strand(*io));
      } else {
        jobs.emplace(*io);
      }
      bool called = false;
      jobs->submit(ap::offloaded(pool, [&, witness, with_token](ap::job& j) {
        called = true;
        std::stop_token token;
        if (with_token) {
          token = j.stop_token();
          EXPECT_FALSE(j.cancelled());
        }
        jobs.reset();
        EXPECT_TRUE(j.cancelled());
        EXPECT_EQ(token.stop_requested(), with_token);
        j.report(1);
        return 1;
      }));
      time.settle();
      settle();
      EXPECT_TRUE(called);
      time.settle();
      EXPECT_EQ(witness.use_count(), 1);
    }
}

TEST_F(offloaded_job, the_context_dies_while_it_runs) {
  const auto witness = std::make_shared<int>();
  for (const bool store_first : {false, true})
    for (const bool strand : {false, true}) {
      std::optional<asio::io_context> io(1);
      ap::testing::virtual_time time(*io);
      std::optional<ap::job_store<int>> jobs;
      if (strand) {
        jobs.emplace(asio::make_strand(*io));
      } else {
        jobs.emplace(*io);
      }
      bool called = false;
      auto h = std::optional(jobs->submit(ap::offloaded(pool, [&, witness](ap::job& j) {
        called = true;
        EXPECT_TRUE(j.get_executor());
        const auto token = j.stop_token();
        if (store_first) {
          jobs.reset();
        } else {
          j.report(1);
        }
        io.reset();
        EXPECT_TRUE(token.stop_requested());
        EXPECT_TRUE(j.cancelled());
        EXPECT_FALSE(j.get_executor());
        EXPECT_EQ(j.attempt(), 1u);
        j.report(2);
        return 1;
      })));
      if (store_first) h.reset();
      time.settle();
      pool.restart();
      pool.poll();
      EXPECT_TRUE(called);
      EXPECT_EQ(witness.use_count(), 1);
      if (!h) continue;
      EXPECT_EQ(h->state(), job_state::cancelled);
      EXPECT_EQ(h->status().progress->bytes.view(), "1");
    }
}

// --- pools of threads

/// Lets a thread wait for the test, and the test for a thread.
class meeting {
 public:
  void arrive() {
    const std::lock_guard lock(mutex_);
    there_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return there_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool there_ = false;
};

TEST(offloaded_on_threads, a_loop_that_blocks_ends_when_it_is_cancelled) {
  asio::io_context io(1);
  asio::thread_pool pool(2);
  ap::job_store<int> jobs(io);
  meeting begun;
  const auto h = jobs.submit(ap::offloaded(pool, [&](ap::job& j) {
    begun.arrive();
    int n = 0;
    while (!j.cancelled()) j.report(++n);
    return n;
  }));
  const auto result = await_result(io, h);
  std::thread other([&] {
    begun.wait();
    h.cancel();
  });
  io.run();
  other.join();
  EXPECT_EQ(h.state(), job_state::succeeded);
  EXPECT_GE(result->value, 0);
}

TEST(offloaded_on_threads, a_loop_that_blocks_ends_with_the_context) {
  // Else the pool would be joined for ever.
  for (const bool store_first : {false, true}) {
    asio::thread_pool pool(1);
    std::optional<asio::io_context> io(1);
    std::optional<ap::job_store<int>> jobs(*io);
    meeting begun;
    auto h = std::optional(jobs->submit(ap::offloaded(pool, [&](ap::job& j) {
      begun.arrive();
      std::mutex m;
      std::unique_lock lock(m);
      std::condition_variable_any never;
      never.wait(lock, j.stop_token(), [] { return false; });
      while (!j.cancelled()) std::this_thread::yield();
      return 1;
    })));
    io->poll();
    begun.wait();
    if (store_first) {
      h.reset();
      jobs.reset();
    }
    io.reset();
    pool.join();
    EXPECT_TRUE(!h || h->state() == job_state::cancelled);
  }
}

TEST(offloaded_on_threads, many_at_once) {
  asio::io_context io(1);
  asio::thread_pool pool(3);
  ap::job_store<int> jobs(io, {.max_running = 8});
  std::atomic<int> sum = 0;
  std::vector<ap::job_handle<int>> all;
  for (int i = 0; i < 300; ++i)
    all.push_back(jobs.submit(ap::offloaded(pool, [&sum, i](ap::job& j) {
      j.report(i);
      return sum += i;
    })));
  io.run();
  EXPECT_EQ(sum, 299 * 150);
  for (const auto& h : all) EXPECT_EQ(h.state(), job_state::succeeded);
}

} // namespace
