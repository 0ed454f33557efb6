// SPDX-License-Identifier: BSL-1.0
// What work reports, and what those who follow it see.
#include "store_world.hpp"

#include <thread>

namespace {

using namespace job_tests;

/// Something with a to_payload() of its own.
struct page {
  int of, all;
};
ap::payload to_payload(const page& p) {
  return ap::payload::of("{\"page\":" + std::to_string(p.of) + ",\"of\":" + std::to_string(p.all) + '}', ap::json_type);
}

auto reports(int count, ap::duration each = 1s) {
  return [count, each](ap::job& j) -> asio::awaitable<int> {
    for (int i = 1; i <= count; ++i) {
      j.report(i);
      if (each != ap::duration{}) co_await ap::sleep_for(each);
    }
    co_return count;
  };
}

TEST(job_progress, is_part_of_the_status) {
  world<> w;
  const auto h = w.jobs.submit([](ap::job& j) -> asio::awaitable<int> {
    j.report(7);
    co_await ap::sleep_for(1s);
    j.report(std::string("nearly"));
    co_await ap::sleep_for(1s);
    j.report(page{3, 4});
    co_await ap::sleep_for(1s);
    co_return 1;
  });
  EXPECT_FALSE(h.status().progress);
  const auto expect = [&](std::string_view bytes, std::string_view type) {
    const auto s = h.status();
    ASSERT_TRUE(s.progress);
    EXPECT_EQ(s.progress->bytes.view(), bytes);
    EXPECT_EQ(s.progress->type, type);
    EXPECT_EQ(s.progress->what, ap::job_event::kind::progress);
  };
  w.time.settle();
  expect("7", ap::json_type);
  w.time.advance(1s);
  expect("nearly", ap::text_type);
  w.time.advance(1s);
  expect("{\"page\":3,\"of\":4}", ap::json_type);
  w.time.advance(1s);
  EXPECT_EQ(h.state(), job_state::succeeded);
  expect("{\"page\":3,\"of\":4}", ap::json_type);
}

TEST(job_progress, a_follower_sees_all_in_order_and_one_end) {
  world<> w;
  const auto h = w.jobs.submit(reports(3));
  follower early(h.events());
  EXPECT_EQ(early.take(), seen{":pending"});
  w.time.settle();
  EXPECT_EQ(early.take(), (seen{":running", "1"}));
  w.time.advance(1s);
  EXPECT_EQ(early.take(), seen{"2"});
  EXPECT_FALSE(early.ended);
  w.time.advance(10s);
  EXPECT_EQ(early.take(), (seen{"3", ":succeeded"}));
  EXPECT_TRUE(early.ended);
  EXPECT_NE(early.last_json.find("\"result\":3"), std::string::npos) << early.last_json;
  EXPECT_NE(early.last_json.find("\"progress\":3"), std::string::npos) << early.last_json;
  // Who comes after the end reads the same.
  follower late(h.events());
  EXPECT_EQ(late.take(), (seen{":pending", ":running", "1", "2", "3", ":succeeded"}));
  EXPECT_TRUE(late.ended);
}

TEST(job_progress, the_log_begins_with_the_first_report) {
  world<> w;
  const auto h = w.jobs.submit(reports(2));
  w.time.advance(10s);
  follower late(h.events());
  EXPECT_EQ(late.take(), (seen{":running", "1", "2", ":succeeded"}));
  EXPECT_TRUE(late.ended);
}

TEST(job_progress, of_one_that_has_ended_without_a_word_is_its_end) {
  world<> w;
  const auto good = w.jobs.submit(gives(5));
  const auto bad = w.jobs.submit(fails(1));
  const auto gone = w.jobs.submit(gives(5));
  gone.cancel();
  w.time.settle();
  const char* const ends[] = {":succeeded", ":failed", ":cancelled"};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& h = i == 0 ? good : i == 1 ? bad : gone;
    for (int twice = 0; twice < 2; ++twice) {
      follower f(h.events());
      EXPECT_EQ(f.take(), seen{ends[i]});
      EXPECT_TRUE(f.ended);
      EXPECT_EQ(f.last_json.find("\"result\":5") != std::string::npos, i == 0) << f.last_json;
      EXPECT_EQ(f.last_json.find("\"error\":") != std::string::npos, i != 0) << f.last_json;
    }
  }
}

TEST(job_progress, every_end_is_told_once_and_last) {
  struct step {
    const char* name;
    std::function<void(world<>&, const ap::job_handle<int>&)> end;
    const char* last;
  };
  const step steps[] = {
      {"cancelled", [](world<>&, const auto& h) { h.cancel(); }, ":cancelled"},
      {"cancelled twice",
       [](world<>& w, const auto& h) {
         h.cancel();
         h.cancel();
         w.time.settle();
         h.cancel();
       },
       ":cancelled"},
      {"deadline", [](world<>& w, const auto&) { w.time.advance(30s); }, ":failed"},
      {"finished", [](world<>& w, const auto&) { w.time.advance(20s); }, ":succeeded"},
  };
  for (const auto& s : steps) {
    SCOPED_TRACE(s.name);
    world<> w;
    const auto h = w.jobs.submit(
        [name = std::string_view(s.name)](ap::job& j) -> asio::awaitable<int> {
          j.report(1);
          co_await ap::sleep_for(name == "finished" ? 20s : 1h);
          j.report(2);
          co_return 1;
        },
        {.deadline = 30s});
    follower f(h.events());
    w.time.settle();
    s.end(w, h);
    w.time.advance(1h);
    const auto all = f.take();
    EXPECT_TRUE(f.ended);
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all.back(), s.last);
    int ends = 0;
    for (const auto& each : all) ends += each == ":succeeded" || each == ":failed" || each == ":cancelled";
    EXPECT_EQ(ends, 1);
  }
}

TEST(job_progress, attempts_are_told) {
  world<> w;
  const auto h = w.jobs.submit(fails(1, 1s), {.attempts = 2, .first_wait = 1s});
  follower f(h.events());
  w.time.advance(10s);
  EXPECT_EQ(f.take(), (seen{":pending", ":running", ":pending", ":running", ":succeeded"}));
  EXPECT_NE(f.last_json.find("\"attempt\":2"), std::string::npos) << f.last_json;
  EXPECT_EQ(f.last_json.find("\"error\""), std::string::npos) << "that of an attempt before";
}

TEST(job_progress, a_report_after_the_end_is_ignored) {
  world<> w;
  const auto h = w.jobs.submit([](ap::job& j) -> asio::awaitable<int> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    j.report(1);
    co_await ap::sleep_for(1min);
    j.report(2); // abandoned long ago
    co_return 1;
  });
  follower f(h.events());
  w.time.settle();
  h.cancel();
  w.time.advance(5s);
  EXPECT_EQ(f.take(), (seen{":pending", ":running", "1", ":running", ":cancelled"}));
  EXPECT_TRUE(f.ended);
  w.time.advance(1h);
  EXPECT_TRUE(f.take().empty());
  EXPECT_EQ(h.status().progress->bytes.view(), "1");
  // Where nobody has followed there is no log to be closed.
  const auto alone = w.jobs.submit([](ap::job& j) -> asio::awaitable<int> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await ap::sleep_for(1min);
    j.report(2);
    co_return 1;
  });
  w.time.settle();
  alone.cancel();
  w.time.advance(1h);
  EXPECT_FALSE(alone.status().progress);
  follower late(alone.events());
  EXPECT_EQ(late.take(), seen{":cancelled"});
}

TEST(job_progress, a_follower_that_waits_is_woken) {
  world<> w;
  const auto h = w.jobs.submit(reports(3));
  seen all;
  bool over = false;
  asio::co_spawn(
      w.io,
      [](ap::topic<ap::job_event> log, seen& to) -> asio::awaitable<void> {
        auto events = log.subscribe(ap::position::oldest);
        for (;;) {
          const auto m = co_await events.async_receive(asio::use_awaitable);
          to.push_back(m->what == ap::job_event::kind::state ? ':' + state_in(m->bytes.view())
                                                             : std::string(m->bytes.view()));
        }
      }(h.events(), all),
      [&over](std::exception_ptr e) {
        over = true;
        EXPECT_EQ(code_of(e), asio::error::eof);
      });
  w.time.advance(10s);
  EXPECT_TRUE(over);
  EXPECT_EQ(all, (seen{":pending", ":running", "1", "2", "3", ":succeeded"}));
}

TEST(job_progress, a_handle_of_the_log_lives_by_itself) {
  std::optional<follower> f;
  {
    world<> w;
    const auto h = w.jobs.submit(reports(3));
    f.emplace(h.events());
    w.time.advance(10s);
  }
  EXPECT_EQ(f->take().back(), ":succeeded");
  EXPECT_TRUE(f->ended);
}

// --- limits

TEST(job_progress, history_at_the_limit_and_beyond) {
  for (const int reported : {5, 6, 500}) {
    world<> w({.history = 5});
    const auto h = w.jobs.submit(reports(reported, {}));
    w.time.settle();
    follower f(h.events());
    // Statuses stand in the log as well; the last one always has its place.
    seen expected;
    for (int i = reported - 4; i <= reported; ++i) expected.push_back(std::to_string(i));
    expected.push_back(":succeeded");
    EXPECT_EQ(f.take(), expected);
    EXPECT_TRUE(f.ended);
  }
}

TEST(job_progress, a_follower_that_is_late_is_told_what_it_missed) {
  world<> w({.history = 5});
  const auto h = w.jobs.submit(reports(20));
  follower f(h.events());
  w.time.advance(1500ms);
  EXPECT_EQ(f.take(), (seen{":pending", ":running", "1", "2"}));
  w.time.advance(10s);
  EXPECT_EQ(f.take(), (seen{"gap 4", "7", "8", "9", "10", "11", "12"}));
}

TEST(job_progress, history_is_bounded_in_bytes) {
  world<> w({.history = 1000, .history_bytes = 10'000});
  const auto text = std::string(1000, 'x');
  const auto h = w.jobs.submit([text](ap::job& j) -> asio::awaitable<int> {
    for (int i = 0; i < 100; ++i) j.report(text);
    co_return 1;
  });
  w.time.settle();
  const auto s = h.events().stats();
  EXPECT_LE(s.kept_bytes, 10'000u);
  EXPECT_GE(s.kept, 8u);
  follower f(h.events());
  EXPECT_EQ(f.take().back(), ":succeeded");
}

TEST(job_progress, what_is_too_large_for_the_history_is_the_status_still) {
  world<> w({.history_bytes = 1000});
  const auto h = w.jobs.submit([](ap::job& j) -> asio::awaitable<int> {
    j.report(std::string(5000, 'x'));
    co_await ap::sleep_for(1s);
    co_return 1;
  });
  w.time.settle();
  EXPECT_EQ(h.status().progress->bytes.size(), 5000u);
  EXPECT_EQ(h.events().stats().kept_bytes, 0u);
  w.time.advance(1s);
  follower f(h.events());
  const auto all = f.take();
  EXPECT_EQ(all, seen{":succeeded"});
  EXPECT_TRUE(f.ended);
}

TEST(job_progress, the_end_is_kept_however_large_the_result_is) {
  world<std::string> w({.history = 3, .history_bytes = 100});
  const auto h = w.jobs.submit([](ap::job& j) -> asio::awaitable<std::string> {
    j.report(1);
    co_return std::string(100'000, 'r');
  });
  w.time.settle();
  follower f(h.events());
  EXPECT_EQ(f.take().back(), ":succeeded");
  EXPECT_GT(f.last_json.size(), 100'000u);
}

TEST(job_progress, a_history_of_nothing_keeps_the_end) {
  world<> w({.history = 0, .history_bytes = 0});
  const auto h = w.jobs.submit(reports(3, {}));
  w.time.settle();
  follower f(h.events());
  EXPECT_EQ(f.take(), seen{":succeeded"});
}

// --- threads

TEST(job_progress, is_reported_from_other_threads) {
  world<> w;
  const auto h = w.jobs.submit([](ap::job& j) -> asio::awaitable<int> {
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&j, t] {
        for (int i = 0; i < 30; ++i) j.report(100 * t + i);
      });
    for (auto& t : threads) t.join();
    co_return 1;
  });
  follower f(h.events());
  w.time.settle();
  const auto all = f.take();
  ASSERT_EQ(all.size(), 93u);
  int last[3] = {-1, -1, -1};
  for (std::size_t i = 2; i < 92; ++i) {
    const int n = std::stoi(all[i]);
    EXPECT_EQ(n % 100, last[n / 100] + 1) << "each thread's in its order";
    last[n / 100] = n % 100;
  }
  EXPECT_EQ(all.back(), ":succeeded");
}

} // namespace
