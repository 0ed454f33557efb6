// SPDX-License-Identifier: BSL-1.0
// Who dies first: the context, the store, a handle, the log of a job, the work. Under LeakSanitizer.
#include "store_world.hpp"

#include <algorithm>

namespace {

using namespace job_tests;

/// A world that is taken to pieces.
struct job_lifetime : ::testing::Test {
  void begin(const ap::job_store_options& o = {}) {
    io.emplace(1);
    time.emplace(*io);
    jobs.emplace(*io, o);
    jobs->on_error([](const ap::job_status&, std::exception_ptr) {});
  }
  /// Work that runs for an hour, and has the witness in its frame as well.
  auto long_work() {
    return [held = witness](ap::job& j) -> asio::awaitable<int> {
      const auto kept = held;
      j.report(1);
      co_await ap::sleep_for(1h);
      co_return 1;
    };
  }
  std::shared_ptr<int> witness = std::make_shared<int>();
  std::optional<asio::io_context> io;
  std::optional<ap::testing::virtual_time> time;
  std::optional<ap::job_store<int>> jobs;
};

/// One that runs, one that waits for its turn, one before its next attempt, one that was abandoned, one that is over.
std::vector<ap::job_handle<int>> in_every_state(job_lifetime& at) {
  at.begin({.max_running = 2, .grace = 1s});
  std::vector<ap::job_handle<int>> all;
  all.push_back(at.jobs->submit([held = at.witness](ap::job&) -> asio::awaitable<int> { co_return *held; }));
  all.push_back(at.jobs->submit(
      [held = at.witness](ap::job&) -> asio::awaitable<int> {
        throw std::runtime_error("once");
        co_return *held;
      },
      {.attempts = 2, .first_wait = 5h, .most_wait = 5h}));
  at.time->settle();
  all.push_back(at.jobs->submit([held = at.witness](ap::job&) -> asio::awaitable<int> {
    const auto kept = held;
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await ap::sleep_for(1h);
    co_return 1;
  }));
  at.time->settle();
  all.back().cancel();
  at.time->advance(1s);
  all.push_back(at.jobs->submit(at.long_work()));
  all.push_back(at.jobs->submit(at.long_work()));
  at.time->settle();
  const job_state expected[] = {job_state::succeeded, job_state::pending, job_state::cancelled, job_state::running,
                                job_state::pending};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(all[i].state(), expected[i]);
  EXPECT_EQ(at.jobs->counts().abandoned, 1u);
  return all;
}

TEST_F(job_lifetime, the_context_dies_first) {
  const auto all = in_every_state(*this);
  std::vector<follower> followers;
  for (const auto& h : all) followers.emplace_back(h.events());
  asio::io_context other(1);
  std::vector<std::shared_ptr<awaited<int>>> results;
  for (const auto& h : all) results.push_back(await_result(other, h));
  other.poll();
  io.reset();
  EXPECT_EQ(witness.use_count(), 1) << "no work is left";
  other.restart();
  other.poll();
  const job_state expected[] = {job_state::succeeded, job_state::cancelled, job_state::cancelled, job_state::cancelled,
                                job_state::cancelled};
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].state(), expected[i]);
    EXPECT_EQ(results[i]->calls, 1);
    if (i != 0) {
      EXPECT_EQ(code_of(results[i]->failure), i == 2 ? ap::jobs::error::cancelled : ap::jobs::error::shutting_down);
      EXPECT_EQ(all[i].status().error->status(), i == 2 ? ap::status::conflict : ap::status::service_unavailable);
    }
    const auto last = followers[i].take();
    EXPECT_EQ(last.back(), i == 0 ? ":succeeded" : ":cancelled") << i;
    EXPECT_TRUE(followers[i].ended) << i;
  }
  // What is left of the store says no.
  ap::error_code ec;
  EXPECT_FALSE(jobs->submit(gives(1), {.deadline = 1s}, ec));
  EXPECT_EQ(ec, ap::jobs::error::shutting_down);
  EXPECT_FALSE(jobs->find(all[0].id()));
  EXPECT_TRUE(jobs->list().empty());
  const auto c = jobs->counts();
  EXPECT_EQ(c.pending + c.running + c.over + c.abandoned + c.input, 0u);
  EXPECT_FALSE(jobs->get_executor());
  for (const auto& h : all) {
    h.cancel();
    static_cast<void>(h.status());
    follower late(h.events());
    EXPECT_FALSE(late.take().empty());
    EXPECT_TRUE(late.ended);
  }
  jobs.reset();
}

TEST_F(job_lifetime, the_context_was_stopped_before) {
  const auto all = in_every_state(*this);
  io->stop();
  jobs->submit(long_work());
  all[3].cancel();
  io.reset();
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(all[3].state(), job_state::cancelled);
}

TEST_F(job_lifetime, the_store_and_all_handles_die_first) {
  in_every_state(*this);
  jobs.reset();
  EXPECT_GT(witness.use_count(), 1) << "what runs is to be cancelled by its executor";
  time->settle();
  EXPECT_EQ(witness.use_count(), 3) << "what was abandoned has its work and its frame; the rest has gone";
  time->advance(2h);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_lifetime, the_store_dies_before_the_context_without_another_turn) {
  in_every_state(*this);
  jobs.reset();
  io.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_lifetime, a_handle_keeps_the_store) {
  begin();
  std::optional<ap::job_handle<int>> h = jobs->submit(long_work());
  const auto other = jobs->submit(sleeps(2h, 5)).events();
  follower f(other);
  time->settle();
  jobs.reset();
  time->advance(1h);
  EXPECT_EQ(h->state(), job_state::succeeded);
  EXPECT_EQ(h->status().attempt, 1u);
  h.reset();
  time->settle();
  EXPECT_EQ(f.take(), (seen{":pending", ":running", ":cancelled"})) << "it was the last one";
  EXPECT_TRUE(f.ended);
  EXPECT_NE(f.last_json.find("\"status\":503"), std::string::npos) << f.last_json;
}

TEST_F(job_lifetime, who_waits_for_a_result_keeps_the_store) {
  begin();
  const auto result = await_result(*io, jobs->submit(sleeps(1h, 5)));
  time->settle();
  jobs.reset();
  time->advance(1h);
  EXPECT_EQ(result->value, 5);
}

TEST_F(job_lifetime, work_that_captures_the_store_goes_on_without_anybody) {
  begin();
  int ended = 0;
  jobs->submit([store = *jobs, &ended, held = witness](ap::job&) -> asio::awaitable<int> {
    co_await ap::sleep_for(1h);
    store.submit([store, &ended, held](ap::job&) -> asio::awaitable<int> {
      co_await ap::sleep_for(1h);
      co_return ++ended;
    });
    co_return ++ended;
  });
  jobs.reset();
  time->advance(1h);
  EXPECT_EQ(ended, 1);
  time->advance(1h);
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_lifetime, work_that_captures_the_store_ends_with_the_context) {
  for (const bool stopped : {false, true}) {
    begin({.max_running = 1});
    for (int i = 0; i < 3; ++i)
      jobs->submit([store = *jobs, held = witness](ap::job&) -> asio::awaitable<int> {
        const auto kept = held;
        co_await ap::sleep_for(1h);
        co_return static_cast<int>(store.counts().running);
      });
    jobs->submit([store = *jobs, held = witness](ap::job&) -> asio::awaitable<int> { co_return 1; }).cancel();
    EXPECT_EQ(witness.use_count(), 4) << "that of the cancelled one has gone";
    jobs.reset();
    time->settle();
    EXPECT_EQ(witness.use_count(), 5);
    if (stopped) io->stop();
    io.reset();
    EXPECT_EQ(witness.use_count(), 1);
  }
}

TEST_F(job_lifetime, work_that_holds_its_own_handle) {
  begin();
  const auto own = std::make_shared<std::optional<ap::job_handle<int>>>();
  own->emplace(jobs->submit([own, held = witness](ap::job&) -> asio::awaitable<int> {
    co_await ap::sleep_for(1h);
    co_return static_cast<int>((*own)->status().attempt);
  }));
  jobs.reset();
  time->advance(30min);
  io.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_lifetime, a_hook_that_captures_the_store_ends_with_the_context) {
  begin();
  jobs->on_error(
      [store = *jobs, held = witness](const ap::job_status& s, std::exception_ptr) { EXPECT_TRUE(store.find(s.id)); });
  jobs->submit(fails(1));
  time->settle();
  jobs.reset();
  EXPECT_EQ(witness.use_count(), 2);
  io.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_lifetime, the_last_handle_dies_in_the_work) {
  begin();
  struct owner {
    std::optional<ap::job_store<int>> store;
  };
  const auto last = std::make_shared<owner>(owner{*jobs});
  bool aborted = false;
  jobs->submit([last, &aborted](ap::job& j) -> asio::awaitable<int> {
    last->store.reset();
    EXPECT_TRUE(j.cancelled());
    try {
      co_await ap::sleep_for(1h);
    } catch (const ap::system_error&) {
      aborted = true;
    }
    j.report(5); // to nobody
    co_return 1;
  });
  jobs.reset();
  time->settle();
  EXPECT_TRUE(aborted);
}

TEST_F(job_lifetime, the_last_handle_dies_with_the_work) {
  begin();
  jobs->submit([store = *jobs, held = witness](ap::job&) -> asio::awaitable<int> { co_return 1; });
  jobs->submit(long_work());
  jobs.reset();
  time->settle(); // the first one ends, and its work is the last to hold the store
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_lifetime, an_exception_that_holds_the_store) {
  // What is thrown is the program's too: it is destroyed at some time, and not under the lock.
  struct holding : std::runtime_error {
    holding(ap::job_store<int> s, std::shared_ptr<int> w)
        : runtime_error(""), store(std::move(s)), held(std::move(w)) {}
    const char* what() const noexcept override {
      text = std::to_string(store.counts().running);
      return text.c_str();
    }
    ap::job_store<int> store;
    std::shared_ptr<int> held;
    mutable std::string text;
  };
  for (const bool with_context : {false, true}) {
    begin({.keep_for = 1s});
    const auto h = jobs->submit(
        [store = *jobs, held = witness](ap::job& j) -> asio::awaitable<int> {
          if (j.attempt() < 3) throw holding(store, held);
          co_return 1;
        },
        {.attempts = 3, .first_wait = 1s});
    time->settle();
    EXPECT_FALSE(h.status().what.empty());
    EXPECT_EQ(jobs->list().at(0).what, h.status().what);
    if (!with_context) {
      time->advance(10s);
      EXPECT_EQ(h.state(), job_state::succeeded);
      EXPECT_LE(witness.use_count(), 2);
    }
    jobs.reset();
    io.reset();
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_lifetime, results_go_with_the_last_who_has_them) {
  io.emplace(1);
  time.emplace(*io);
  ap::job_store<std::shared_ptr<int>> store(*io);
  auto h = std::optional(
      store.submit([held = witness](ap::job&) -> asio::awaitable<std::shared_ptr<int>> { co_return held; }));
  time->settle();
  EXPECT_EQ(witness.use_count(), 2);
  io.reset();
  EXPECT_EQ(witness.use_count(), 2);
  h.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(job_lifetime, a_store_on_a_context_that_goes) {
  // Made while the context is destroyed: it takes nothing, and nothing is called.
  struct late {
    explicit late(asio::io_context& at) : io(at) {}
    ~late() {
      ap::job_store<int> store(io);
      ap::error_code ec;
      EXPECT_FALSE(store.submit(gives(1), {}, ec));
      EXPECT_EQ(ec, ap::jobs::error::shutting_down);
    }
    asio::io_context& io;
  };
  begin();
  jobs->submit([l = std::make_shared<late>(*io)](ap::job&) -> asio::awaitable<int> { co_return 1; });
  io.reset();
}

TEST_F(job_lifetime, on_a_strand) {
  for (const bool store_first : {false, true}) {
    io.emplace(1);
    time.emplace(*io);
    jobs.emplace(asio::make_strand(*io));
    const auto h = std::optional(jobs->submit(long_work()));
    auto waits = std::optional(jobs->submit(long_work(), {.deadline = 5h}));
    time->settle();
    EXPECT_EQ(h->state(), job_state::running);
    waits.reset();
    if (store_first) jobs.reset();
    io.reset();
    EXPECT_EQ(witness.use_count(), 1);
    EXPECT_EQ(h->state(), job_state::cancelled);
    jobs.reset();
  }
}

TEST_F(job_lifetime, stop_callbacks_are_the_programs) {
  // They are called without a lock, whoever it is that ends the job.
  for (int how = 0; how < 4; ++how) {
    begin();
    int called = 0;
    auto h = std::optional(jobs->submit(
        [&called, store = how == 2 ? std::optional<ap::job_store<int>>() : *jobs](ap::job& j) -> asio::awaitable<int> {
          const auto note = [&] {
            ++called;
            if (store) static_cast<void>(store->counts().running + store->list().size());
            j.report(1);
          };
          const std::stop_callback told(j.stop_token(), note);
          co_await ap::sleep_for(1h);
          co_return 1;
        },
        {.deadline = 2h}));
    time->settle();
    switch (how) {
    case 0: h->cancel(); break;
    case 1: time->advance(50min), jobs->submit(gives(1)); break;
    case 2: h.reset(), jobs.reset(); break;
    case 3: io.reset(); break;
    }
    EXPECT_EQ(called, how != 1) << how;
    if (how == 1) time->advance(20min);
    h.reset();
    jobs.reset();
  }
}

} // namespace
