// SPDX-License-Identifier: BSL-1.0
// Work, results, progress and hooks that do what they should not.
#include "store_world.hpp"

#include <algorithm>

namespace {

using namespace job_tests;

/// Its bytes cannot be made, at first.
struct stubborn {
  int* left;
};
ap::payload to_payload(const stubborn& s) {
  if ((*s.left)-- > 0) throw std::runtime_error("no bytes");
  return ap::payload::of("\"bytes\"", ap::json_type);
}

TEST(misbehaving_work, a_result_without_bytes_fails) {
  int left = 1;
  world<stubborn> w;
  const auto h = w.jobs.submit([&left](ap::job&) -> asio::awaitable<stubborn> { co_return stubborn{&left}; });
  follower f(h.events());
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().what, "no bytes");
  EXPECT_EQ(f.take(), (seen{":pending", ":running", ":failed"}));
  EXPECT_EQ(w.told, seen{"1 failed no bytes"});
  EXPECT_EQ(w.counts(), "0 0 1 0");
}

TEST(misbehaving_work, such_a_result_is_tried_again) {
  int left = 1;
  world<stubborn> w;
  const auto h =
      w.jobs.submit([&left](ap::job&) -> asio::awaitable<stubborn> { co_return stubborn{&left}; }, {.attempts = 2});
  follower f(h.events());
  w.time.advance(1s);
  EXPECT_EQ(h.state(), job_state::succeeded);
  EXPECT_EQ(f.take().back(), ":succeeded");
}

TEST(misbehaving_work, such_a_result_fails_where_nobody_follows_too) { // who asks later would get nothing but 500
  int left = 1;
  world<stubborn> w;
  const auto h = w.jobs.submit([&left](ap::job&) -> asio::awaitable<stubborn> { co_return stubborn{&left}; });
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::failed);
  follower f(h.events());
  EXPECT_EQ(f.take(), seen{":failed"});
}

TEST(misbehaving_work, progress_without_bytes_throws_in_the_work) {
  int left = 1;
  world<> w;
  const auto h = w.jobs.submit([&left](ap::job& j) -> asio::awaitable<int> {
    EXPECT_THROW(j.report(stubborn{&left}), std::runtime_error);
    j.report(stubborn{&left});
    co_return 1;
  });
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::succeeded);
  EXPECT_EQ(h.status().progress->bytes.view(), "\"bytes\"");
}

TEST(misbehaving_work, a_result_whose_move_throws) {
  struct heavy {
    heavy() = default;
    heavy(const heavy&) { throw std::runtime_error("too heavy"); }
  };
  world<heavy> w;
  const auto h = w.jobs.submit([](ap::job&) -> asio::awaitable<heavy> {
    heavy made;
    co_return made;
  });
  const auto next = w.jobs.submit([](ap::job&) -> asio::awaitable<heavy> { throw std::runtime_error("next"); });
  w.time.settle();
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(h.status().what, "too heavy");
  EXPECT_EQ(next.status().what, "next");
  EXPECT_EQ(w.counts(), "0 0 2 0");
}

TEST(misbehaving_work, an_error_hook_that_throws_stops_nothing) {
  asio::io_context io(1);
  ap::testing::virtual_time time(io);
  ap::job_store<int> jobs(io, {.max_running = 1});
  jobs.on_error([](const ap::job_status&, std::exception_ptr) { throw std::runtime_error("the hook"); });
  const auto h = jobs.submit(fails(1)), next = jobs.submit(gives(1));
  ::testing::internal::CaptureStderr();
  EXPECT_NO_THROW(time.settle());
  const auto said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(next.state(), job_state::succeeded) << "it had its turn";
  EXPECT_NE(said.find("attempt 1"), std::string::npos) << said;
  EXPECT_NE(said.find("the hook"), std::string::npos) << said;
}

TEST(misbehaving_work, that_hangs_holds_its_place_and_nothing_else) {
  world<> w({.max_running = 2, .grace = 5s});
  const auto h = w.jobs.submit(deaf(1000h), {.deadline = 10s});
  int done = 0;
  for (int i = 0; i < 100; ++i)
    w.jobs.submit([&done](ap::job&) -> asio::awaitable<int> {
      co_await ap::sleep_for(1s);
      co_return ++done;
    });
  w.time.advance(10min);
  EXPECT_EQ(done, 100);
  EXPECT_EQ(h.state(), job_state::failed);
  EXPECT_EQ(w.jobs.counts().abandoned, 1u);
}

TEST(misbehaving_work, that_swallows_its_cancellation_is_cancelled_where_it_waits_next) {
  world<> w;
  int aborted = 0;
  const auto h = w.jobs.submit([&aborted](ap::job&) -> asio::awaitable<int> {
    for (int i = 0; i < 3; ++i) {
      try {
        co_await ap::sleep_for(1h);
      } catch (const ap::system_error&) {
        ++aborted;
      }
    }
    co_return 1;
  });
  w.time.settle();
  h.cancel();
  w.time.settle();
  EXPECT_EQ(aborted, 3);
  EXPECT_EQ(h.state(), job_state::succeeded) << "as it says";
}

TEST(misbehaving_work, whose_frame_goes_with_another_context) {
  world<> w({.max_running = 1});
  const auto witness = std::make_shared<int>();
  for (const bool cancelled : {false, true}) {
    std::optional<asio::io_context> other(1);
    ap::testing::virtual_time others(*other);
    const auto h = w.jobs.submit(
        [&other, witness](ap::job& j) -> asio::awaitable<int> {
          if (j.attempt() == 2) co_return 2;
          const auto kept = witness;
          const auto there = other->get_executor();
          co_await ap::async_sleep_for(there, 1h, asio::use_awaitable);
          co_return 1;
        },
        {.attempts = 2, .first_wait = 1s});
    const auto next = w.jobs.submit(gives(1));
    w.time.settle();
    EXPECT_EQ(h.state(), job_state::running);
    if (cancelled) w.io.restart(), h.cancel();
    other.reset();
    w.time.settle();
    EXPECT_EQ(next.state(), job_state::succeeded) << "its place is free";
    EXPECT_EQ(h.state(), cancelled ? job_state::cancelled : job_state::pending);
    w.time.advance(1s);
    EXPECT_EQ(h.state(), cancelled ? job_state::cancelled : job_state::succeeded);
    EXPECT_EQ(witness.use_count(), 1);
  }
  EXPECT_EQ(w.told.size(), 1u);
}

TEST(misbehaving_work, that_cancels_itself) {
  world<> w;
  std::optional<ap::job_handle<int>> own;
  own = w.jobs.submit([&own](ap::job& j) -> asio::awaitable<int> {
    own->cancel();
    EXPECT_TRUE(j.cancelled());
    EXPECT_TRUE(own->status().cancelling);
    co_await ap::sleep_for(0s);
    co_return 1;
  });
  w.time.settle();
  w.time.advance(0s);
  EXPECT_EQ(own->state(), job_state::cancelled);
  own.reset();
}

TEST(misbehaving_work, that_cancels_others_as_it_ends) {
  world<> w({.max_running = 2});
  std::vector<ap::job_handle<int>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(w.jobs.submit([&all, i](ap::job&) -> asio::awaitable<int> {
      if (i == 0) {
        for (const auto& each : all) each.cancel();
      } else {
        co_await ap::sleep_for(1h);
      }
      co_return 1;
    }));
  w.time.settle();
  EXPECT_EQ(all[0].state(), job_state::succeeded);
  for (std::size_t i = 1; i < 20; ++i) EXPECT_EQ(all[i].state(), job_state::cancelled) << i;
  EXPECT_EQ(w.counts(), "0 0 20 0");
}

TEST(misbehaving_work, a_destructor_that_uses_the_store) {
  // Wherever work is destroyed: no lock is held.
  struct curious {
    explicit curious(ap::job_store<int>& s, int& n) : store(&s), destroyed(&n) {}
    ~curious() {
      ++*destroyed;
      static_cast<void>(store->counts());
      static_cast<void>(store->list());
      ap::error_code ec;
      store->submit(gives(1), {}, ec);
    }
    ap::job_store<int>* store;
    int* destroyed;
  };
  int destroyed = 0;
  asio::io_context io(1);
  ap::testing::virtual_time time(io);
  ap::job_store<int> jobs(io, {.max_running = 1, .keep_for = 1min});
  jobs.on_error([](const ap::job_status&, std::exception_ptr) {});
  const auto work = [&](unsigned failures, ap::duration length) {
    return [c = std::make_shared<curious>(jobs, destroyed), failures, length](ap::job& j) -> asio::awaitable<int> {
      const auto kept = c;
      co_await ap::sleep_for(length);
      if (j.attempt() <= failures) throw std::runtime_error("");
      co_return 1;
    };
  };
  jobs.submit(work(0, 1s));                  // ends well
  jobs.submit(work(1, 1s));                  // fails
  jobs.submit(work(1, 1s), {.attempts = 2}); // again, and ends well
  time.advance(20s);
  EXPECT_EQ(destroyed, 3);
  const auto running = jobs.submit(work(0, 1h)); // cancelled while it runs
  jobs.submit(work(0, 1h), {.deadline = 10s});   // too late before it began
  const auto pending = jobs.submit(work(0, 1h)); // cancelled before
  time.settle();
  pending.cancel();
  EXPECT_EQ(destroyed, 4);
  time.advance(20s);
  EXPECT_EQ(destroyed, 5);
  running.cancel();
  time.settle();
  EXPECT_EQ(destroyed, 6);
  jobs.submit(work(0, 1h));
  jobs.submit(work(0, 1h));
  time.settle();
  asio::co_spawn(io, jobs.drain(1s), [](std::exception_ptr) {});
  time.advance(1min);
  EXPECT_EQ(destroyed, 8);
}

} // namespace
