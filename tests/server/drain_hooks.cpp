// SPDX-License-Identifier: BSL-1.0
// router::on_drain(): what ends with a server.
#include "../support/server_harness.hpp"

#include <algorithm>

namespace {

using namespace antiphon_tests;

struct drain_hooks : ::testing::Test {
  served s;
  ap::router& app = s.app;
  void SetUp() override {
    app.get("/", [] { return "x"; });
    app.get("/sleep/{s}", [](ap::request& req) -> asio::awaitable<ap::response> {
      co_await ap::sleep_for(std::chrono::seconds(std::stoi(std::string(req.param("s")))));
      co_return "slept";
    });
  }
  void TearDown() override { s.finish(); }
};

TEST_F(drain_hooks, are_called_when_the_server_drains_and_it_waits_for_them) {
  s.options.drain = 10s;
  ap::duration told{};
  bool over = false, there = false;
  app.on_drain([&](ap::duration limit) -> asio::awaitable<void> {
    told = limit;
    there = s.io.get_executor().running_in_this_thread();
    EXPECT_TRUE(s.listener->closed()) << "it takes no more connections";
    co_await ap::sleep_for(4s);
    over = true;
  });
  s.start();
  s.advance(1min);
  EXPECT_EQ(told, 0s);
  s.drain();
  s.advance(4s - 1ns);
  EXPECT_EQ(told, 10s);
  EXPECT_TRUE(there);
  EXPECT_FALSE(s.done);
  s.advance(1ns);
  EXPECT_TRUE(over);
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
}

TEST_F(drain_hooks, and_connections_whichever_is_last) {
  for (const int request : {2, 6}) {
    served each;
    each.app.mount("/", app);
    each.app.on_drain([](ap::duration) -> asio::awaitable<void> { co_await ap::sleep_for(4s); });
    auto& c = each.client();
    c.send(get("/sleep/" + std::to_string(request)));
    each.drain();
    each.advance(std::chrono::seconds(std::max(4, request)) - 1ns);
    EXPECT_FALSE(each.done) << request;
    each.advance(1ns);
    EXPECT_EQ(c.next().body, "slept");
    c.rest();
    ASSERT_TRUE(each.done) << request;
    EXPECT_FALSE(*each.done);
    each.finish();
  }
}

TEST_F(drain_hooks, of_mounted_routers_and_many_and_each_once) {
  std::string called;
  const auto hook = [&called](char name) {
    return [&called, name](ap::duration) -> asio::awaitable<void> {
      called += name;
      co_await ap::sleep_for(std::chrono::seconds(name - 'a'));
    };
  };
  ap::router inner, innermost;
  innermost.get("/x", [] { return "x"; });
  innermost.on_drain(hook('c'));
  inner.mount("/in", innermost);
  inner.on_drain(hook('b'));
  app.on_drain(hook('a')).on_drain(hook('d'));
  app.mount("/one", inner);
  app.mount("/two", inner); // the same one
  s.start();
  s.drain();
  s.advance(3s - 1ns);
  std::sort(called.begin(), called.end());
  EXPECT_EQ(called, "abcd");
  EXPECT_FALSE(s.done);
  s.advance(1ns);
  EXPECT_TRUE(s.done);
}

TEST_F(drain_hooks, are_cancelled_when_the_server_cuts) {
  for (const bool by_time : {true, false}) {
    served each;
    each.options.drain = 10s;
    ap::error_code heard;
    each.app.on_drain([&](ap::duration) -> asio::awaitable<void> {
      try {
        co_await ap::sleep_for(1h);
      } catch (const ap::system_error& e) {
        heard = e.code();
      }
    });
    each.start();
    each.drain();
    each.advance(by_time ? 10s - 1ns : 5s);
    EXPECT_FALSE(heard);
    EXPECT_FALSE(each.done);
    if (by_time) {
      each.advance(1ns);
    } else {
      each.cut();
      each.settle();
    }
    EXPECT_EQ(heard, asio::error::operation_aborted);
    ASSERT_TRUE(each.done);
    EXPECT_FALSE(*each.done);
    EXPECT_TRUE(each.errors.empty());
    each.finish();
  }
}

TEST_F(drain_hooks, are_not_called_where_it_cuts_at_once) {
  bool called = false;
  app.on_drain([&](ap::duration) -> asio::awaitable<void> {
    called = true;
    co_return;
  });
  s.start();
  s.cut();
  s.settle();
  EXPECT_TRUE(s.done);
  EXPECT_FALSE(called);
}

TEST_F(drain_hooks, what_they_throw_is_reported) {
  app.on_drain([](ap::duration) -> asio::awaitable<void> {
    co_await ap::sleep_for(1s);
    throw std::runtime_error("after a second");
  });
  app.on_drain([](ap::duration) -> asio::awaitable<void> {
    throw std::runtime_error("at once");
    co_return;
  });
  app.on_drain([](ap::duration) -> asio::awaitable<void> { throw std::runtime_error("in the call"); });
  bool good = false;
  app.on_drain([&good](ap::duration) -> asio::awaitable<void> {
    co_await ap::sleep_for(2s);
    good = true;
  });
  s.start();
  s.drain();
  s.advance(2s);
  EXPECT_TRUE(good) << "the others go on";
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
  std::sort(s.errors.begin(), s.errors.end());
  ASSERT_EQ(s.errors.size(), 3u);
  EXPECT_EQ(s.errors[0], "a drain hook: after a second");
  EXPECT_EQ(s.errors[1], "a drain hook: at once");
  EXPECT_EQ(s.errors[2], "a drain hook: in the call");
  s.errors.clear();
}

TEST_F(drain_hooks, one_that_ignores_its_cancellation_is_named_and_given_up) {
  s.options.drain = 2s;
  bool alive = false;
  app.on_drain([&alive](ap::duration) -> asio::awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    alive = true;
    co_await ap::sleep_for(1h);
    alive = false;
  });
  s.client().ask(get("/"));
  s.drain();
  ::testing::internal::CaptureStderr();
  s.advance(7s - 1ns);
  EXPECT_FALSE(s.done);
  s.advance(1ns);
  const auto said = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(s.done);
  EXPECT_EQ(*s.done, ap::error::handlers_still_running);
  EXPECT_NE(said.find("a drain hook ignores its cancellation"), std::string::npos) << said;
  EXPECT_TRUE(alive);
  s.advance(1h);
  EXPECT_FALSE(alive);
}

TEST_F(drain_hooks, go_with_their_context) {
  const auto witness = std::make_shared<int>();
  {
    served each;
    each.app.on_drain([witness](ap::duration) -> asio::awaitable<void> {
      const auto kept = witness;
      co_await ap::sleep_for(1h);
    });
    each.start();
    each.drain();
    each.settle();
    EXPECT_EQ(witness.use_count(), 3);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(drain_hooks, are_set_before_it_is_served) {
  s.start();
  EXPECT_THROW(app.on_drain([](ap::duration) -> asio::awaitable<void> { co_return; }), std::exception);
}

} // namespace
