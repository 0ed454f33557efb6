// SPDX-License-Identifier: BSL-1.0
#include "../support/server_harness.hpp"

#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <thread>

namespace {

using namespace antiphon_tests;
using event = ap::http::flow::event;
using step = ap::http::flow::step;

constexpr const char* ask_echo = "Connection: upgrade\r\nUpgrade: echo\r\n";

// --- stopping

struct serve_stop : over_streams {
  bool alive = false;
  ap::notifier changed;
  serve_stop() {
    app.get("/", [] { return "x"; });
    app.get("/sleep/{s}", [](ap::request& req) -> asio::awaitable<ap::response> {
      co_await ap::sleep_for(std::chrono::seconds(std::stoi(std::string(req.param("s")))));
      co_return "slept";
    });
    app.post("/", [](ap::request& req) { return req.take_body(); });
  }
};

TEST_P(serve_stop, drain_of_a_server_without_connections) {
  s.start();
  s.settle();
  EXPECT_FALSE(s.done);
  s.drain();
  s.settle();
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
  EXPECT_TRUE(s.listener->closed());
}

TEST_P(serve_stop, drain_ends_idle_connections_at_once) {
  auto& fresh = s.client();
  auto& used = s.client();
  EXPECT_EQ(used.ask(get("/")).code, 200);
  s.drain();
  EXPECT_EQ(fresh.rest(), "");
  EXPECT_EQ(used.rest(), "");
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
}

TEST_P(serve_stop, drain_answers_what_has_come) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/")).code, 200);
  c.put(get("/"));
  if (GetParam() == kind::plain_tcp) s.settle(); // its read is under way, and cannot be looked at
  s.drain();
  const auto r = c.next();
  EXPECT_EQ(r.code, 200);
  c.rest();
  EXPECT_TRUE(s.done);
}

TEST_P(serve_stop, drain_lets_handlers_end) {
  auto& c = s.client();
  c.send(get("/sleep/5"));
  s.drain();
  s.advance(4s);
  EXPECT_FALSE(s.done);
  s.advance(1s);
  const auto r = c.next();
  EXPECT_EQ(r.body, "slept");
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_EQ(c.rest(), "");
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
}

TEST_P(serve_stop, drain_lets_a_body_come_in) {
  auto& c = s.client();
  c.send(post("/", "0123456789").substr(0, post("/", "").size() + 4));
  s.drain();
  s.settle();
  EXPECT_FALSE(s.done);
  c.send("3456789");
  EXPECT_EQ(c.next().code, 200);
  c.rest();
  EXPECT_TRUE(s.done);
}

TEST_P(serve_stop, drain_ends_a_head_that_has_come_in_part) {
  auto& c = s.client();
  c.send("GET / HT");
  s.drain();
  s.advance(11s);
  c.rest();
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
}

TEST_P(serve_stop, drain_lets_a_large_answer_go_out) {
  s.capacity = 4096;
  app.get("/big", [] { return std::string(3'000'000, 'b'); });
  auto& c = s.client();
  c.hold();
  c.send(get("/big"));
  s.drain();
  s.advance(1s);
  EXPECT_FALSE(s.done);
  c.hold(false);
  EXPECT_EQ(c.next().body.size(), 3'000'000U);
  c.rest();
  EXPECT_TRUE(s.done);
}

TEST_P(serve_stop, what_is_not_over_by_then_is_cut) {
  s.options.drain = 3s;
  auto& c = s.client();
  c.send(get("/sleep/1000"));
  auto& half = s.client();
  half.send(post("/", "0123456789").substr(0, post("/", "").size() + 4));
  s.drain();
  s.advance(2s);
  EXPECT_FALSE(s.done);
  s.advance(1s);
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
  EXPECT_EQ(c.take(), "");
  EXPECT_TRUE(c.ended());
}

TEST_P(serve_stop, a_second_drain_cuts) {
  auto& c = s.client();
  c.send(get("/sleep/1000"));
  s.drain();
  s.settle();
  EXPECT_FALSE(s.done);
  s.drain();
  s.settle();
  EXPECT_TRUE(s.done);
  EXPECT_TRUE(c.ended());
}

TEST_P(serve_stop, cut_in_every_state) {
  app.get("/flow", [] {
    struct quiet final : ap::http::flow {
      step run(ap::http::exchange& to, event what) override {
        if (what == event::start) to.start(ap::status::ok, "text/plain");
        return step::wait;
      }
    };
    return ap::response(std::make_unique<quiet>());
  });
  app.get("/body", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
      for (;;) co_await out.write("x"), co_await ap::sleep_for(1s);
    });
  });
  app.get("/up", [] {
    return ap::upgrade("echo", [](ap::any_stream stream) -> asio::awaitable<void> {
      char b[10];
      for (;;) co_await stream.async_read_some(asio::buffer(b), asio::use_awaitable);
    });
  });
  app.get("/big", [] { return std::string(10'000'000, 'b'); });
  s.capacity = 4096;
  s.client(); // fresh
  s.client().ask(get("/"));
  s.client().send("GET / HT");
  s.client().send(post("/", "0123456789").substr(0, post("/", "").size() + 4));
  s.client().send(get("/sleep/1000"));
  s.client().send(get("/flow"));
  s.client().send(get("/body"));
  s.client().send(get("/up", ask_echo));
  auto& blocked = s.client();
  blocked.hold();
  blocked.send(get("/big"));
  s.client().send("BAD\r\n\r\n"); // lingers
  EXPECT_EQ(s.open(), 10U);
  s.cut();
  s.settle();
  s.settle();
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(serve_stop, drain_in_every_state_ends_by_itself) {
  app.get("/body", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
      while (!out.draining()) co_await out.write("x"), co_await ap::sleep_for(1s);
    });
  });
  app.get("/up", [] {
    return ap::upgrade("echo", [](ap::any_stream stream) -> asio::awaitable<void> {
      char b[10];
      for (;;) co_await stream.async_read_some(asio::buffer(b), asio::use_awaitable);
    });
  });
  s.client(); // fresh
  s.client().ask(get("/"));
  s.client().send(get("/sleep/4"));
  s.client().send(get("/body"));
  s.client().send(get("/up", ask_echo));
  s.client().send("BAD\r\n\r\n"); // lingers
  s.drain();
  s.advance(9500ms);
  for (int i = 0; i < 10; ++i) s.settle();
  ASSERT_TRUE(s.done) << s.open() << " are left before the drain is over";
  EXPECT_FALSE(*s.done);
}

TEST_P(serve_stop, a_handler_that_ignores_its_cancellation_is_given_up_and_named) {
  s.options.drain = 2s;
  app.get("/deaf/{x}", [this](ap::request&) -> asio::awaitable<ap::response> {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    alive = true;
    co_await ap::sleep_for(1h);
    alive = false;
    co_return "too late";
  });
  auto& c = s.client();
  c.send(get("/deaf/1"));
  s.drain();
  ::testing::internal::CaptureStderr();
  s.advance(6900ms);
  EXPECT_FALSE(s.done);
  s.advance(200ms);
  const auto said = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(s.done);
  EXPECT_EQ(*s.done, ap::error::handlers_still_running);
  EXPECT_NE(said.find("/deaf/{x}"), std::string::npos) << said;
  EXPECT_TRUE(alive);
  s.advance(1h); // it ends in the end, and nothing of the server is needed or left
  EXPECT_FALSE(alive);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(serve_stop, answers_in_progress_are_told_one_after_the_other) {
  std::vector<ap::duration> told;
  const auto begin = s.time.now();
  struct listening_flow final : ap::http::flow {
    listening_flow(std::vector<ap::duration>& t, ap::testing::virtual_time& v, ap::time_point b)
        : told(t), time(v), began(b) {}
    step run(ap::http::exchange& to, event what) override {
      if (what == event::start) to.start(ap::status::ok, "text/plain");
      if (what != event::drain) return step::wait;
      EXPECT_TRUE(to.draining());
      told.push_back(time.now() - began);
      return step::end;
    }
    std::vector<ap::duration>& told;
    ap::testing::virtual_time& time;
    ap::time_point began;
  };
  app.get("/flow", [&] { return ap::response(std::make_unique<listening_flow>(told, s.time, begin)); });
  std::vector<wire*> all;
  for (int i = 0; i < 20; ++i) all.push_back(&s.client()), all.back()->send(get("/flow"));
  s.drain();
  s.advance(10s);
  ASSERT_EQ(told.size(), 20U);
  EXPECT_LE(told.front(), 500ms);
  EXPECT_GE(told.back(), 4s) << "their clients would all come back at once";
  EXPECT_LE(told.back(), 9s);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_TRUE(s.done);
}
ANTIPHON_OVER_STREAMS(serve_stop);

// --- accepting

struct serve_accepting : over_streams {};

TEST_P(serve_accepting, connections_beyond_the_limit_are_503) {
  s.options.max_connections = 2;
  app.get("/", [] { return "x"; });
  auto& one = s.client();
  auto& two = s.client();
  auto& three = s.client();
  const auto r = three.next();
  EXPECT_EQ(r.code, 503);
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_EQ(three.rest(), "");
  EXPECT_EQ(one.ask(get("/")).code, 200);
  EXPECT_EQ(two.ask(get("/")).code, 200);
  one.close();
  three.close();
  s.advance(2s);
  EXPECT_EQ(s.client().ask(get("/")).code, 200);
}

TEST_P(serve_accepting, far_more_than_the_limit_are_refused_and_nothing_grows) {
  s.options.max_connections = 2;
  app.get("/", [] { return "x"; });
  std::vector<wire> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(s.connect());
    s.settle();
  }
  EXPECT_LE(s.open(), 2U + 64U);
  EXPECT_EQ(all[0].ask(get("/")).code, 200);
  EXPECT_EQ(all[1].ask(get("/")).code, 200);
  for (auto& c : all) c.close();
  s.advance(5s);
  EXPECT_EQ(s.open(), 0U);
  EXPECT_EQ(s.client().ask(get("/")).code, 200);
}

TEST_P(serve_accepting, connections_of_one_address_are_limited_where_asked) {
  s.options.max_per_address = 2;
  app.get("/", [] { return "x"; });
  auto& one = s.client();
  auto& two = s.client();
  EXPECT_EQ(s.client().next().code, 503);
  EXPECT_EQ(one.ask(get("/")).code, 200);
  two.close();
  for (int i = 0; i < 10; ++i) s.settle();
  s.advance(2s);
  EXPECT_EQ(s.client().ask(get("/")).code, 200);
}

TEST_P(serve_accepting, the_answer_to_a_refused_connection_survives_what_it_sent) {
  s.options.max_connections = 1;
  app.get("/", [] { return "x"; });
  s.client();
  auto& c = s.client();
  c.put(get("/"));
  EXPECT_EQ(c.next().code, 503);
  EXPECT_EQ(c.rest(), "");
  EXPECT_FALSE(c.was_reset());
}
ANTIPHON_OVER_STREAMS(serve_accepting);

struct serve_accept_errors : in_memory {};

TEST_F(serve_accept_errors, aborted_connections_are_nothing) {
  app.get("/", [] { return "x"; });
  s.start();
  s.settle();
  for (int i = 0; i < 10; ++i) s.listener->fail_next(asio::error::connection_aborted);
  EXPECT_EQ(s.client().ask(get("/")).code, 200);
}

TEST_F(serve_accept_errors, without_descriptors_it_rests_and_goes_on) {
  app.get("/", [] { return "x"; });
  s.start();
  s.settle();
  for (const auto ec : {ap::error_code(asio::error::no_memory), ap::error_code(asio::error::no_buffer_space)}) {
    s.listener->fail_next(ec);
    s.settle();
    auto c = s.connect();
    c.send(get("/"));
    EXPECT_EQ(c.now(), "") << "it rests";
    s.advance(100ms);
    EXPECT_EQ(c.next().code, 200);
    c.close();
  }
}

TEST_F(serve_accept_errors, the_last_descriptor_is_spent_on_a_refusal) {
  app.get("/", [] { return "x"; });
  s.start();
  s.settle();
  s.listener->fail_next(asio::error::no_descriptors);
  s.settle();
  auto refused = s.connect();
  s.settle();
  EXPECT_TRUE(refused.ended());
  auto c = s.connect();
  c.send(get("/"));
  s.advance(200ms);
  EXPECT_EQ(c.next().code, 200);
}

TEST_F(serve_accept_errors, draining_while_it_rests) {
  s.start();
  s.settle();
  s.listener->fail_next(asio::error::no_memory);
  s.settle();
  s.drain();
  s.settle();
  EXPECT_TRUE(s.done);
}

// --- the ends of contexts

TEST(serve_context, everything_is_destroyed_with_it) {
  // Under LeakSanitizer: sleeping handlers, quiet flows, bodies, upgrades, answers that wait for room.
  for (const auto k : {kind::memory, kind::plain_memory, kind::tcp, kind::plain_tcp}) {
    served s(k, 4096);
    auto token = std::make_shared<int>(1);
    s.app.get("/sleep", [token](ap::request& req) -> asio::awaitable<ap::response> {
      const auto kept = token;
      co_await req.send_interim(ap::status::early_hints, {});
      co_await ap::sleep_for(1h);
      co_return "x";
    });
    s.app.get("/body", [token] {
      return ap::stream_body([token](ap::body_writer& out) -> asio::awaitable<void> {
        for (;;) co_await out.write(std::string(10'000, 'x'));
      });
    });
    s.app.get("/up", [token] {
      return ap::upgrade("echo", [token](ap::any_stream stream) -> asio::awaitable<void> {
        char b[10];
        for (;;) co_await stream.async_read_some(asio::buffer(b), asio::use_awaitable);
      });
    });
    s.app.get("/flow", [token] {
      struct quiet final : ap::http::flow {
        explicit quiet(std::shared_ptr<int> t) : held(std::move(t)) {}
        ~quiet() override { leave(); }
        step run(ap::http::exchange& to, event what) override {
          if (what != event::start) return step::wait;
          to.start(ap::status::ok, "text/plain");
          to.timer(1h);
          changed.join(to.executor(), *this);
          return step::wait;
        }
        std::shared_ptr<int> held;
        ap::notifier changed;
      };
      return ap::response(std::make_unique<quiet>(token));
    });
    for (const char* path : {"/sleep", "/body", "/flow"}) {
      auto& c = s.client();
      c.hold();
      c.send(get(path));
    }
    s.client().send(get("/up", ask_echo));
    s.client().send("GET / HT");
    EXPECT_EQ(s.open(), 5U);
  } // no drain, no cut
}

// --- setting up

TEST(serve_options, wrong_ones_throw_at_once) {
  asio::io_context io;
  ap::router app;
  ap::serve_options options;
  options.server_name = "a\r\nb";
  const auto serve = [&](ap::router r) {
    ap::async_serve(ap::testing::memory_listener(io.get_executor()), r, options, [](ap::error_code) {});
  };
  EXPECT_THROW(serve(app), std::invalid_argument);
  options.server_name = "fine";
  ap::router twice;
  twice.get("/", [] { return ""; }).get("/", [] { return ""; });
  EXPECT_THROW(serve(twice), std::invalid_argument);
}

TEST(serve_executors, a_strand_and_a_pool) {
  // Requests of a few clients over real threads, each connection on its strand.
  asio::thread_pool pool(3);
  ap::router app;
  app.get("/{n}", [](ap::request& req) -> asio::awaitable<std::string> {
    co_await ap::sleep_for(1ms);
    co_return std::string(req.param("n"));
  });
  app.get("/body", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write("streamed"); });
  });
  using asio::ip::tcp;
  asio::basic_socket_acceptor<tcp, asio::thread_pool::executor_type> listener(
      pool.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const auto at = listener.local_endpoint();
  asio::cancellation_signal stop;
  std::atomic<int> ended{0};
  ap::async_serve(std::move(listener), app, asio::bind_cancellation_slot(stop.slot(), [&](ap::error_code ec) {
                    EXPECT_FALSE(ec);
                    ++ended;
                  }));
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int t = 0; t < 3; ++t)
    clients.emplace_back([&, t] {
      asio::io_context io;
      tcp::socket socket(io);
      socket.connect({asio::ip::address_v4::loopback(), at.port()});
      for (int i = 0; i < 20; ++i) {
        asio::write(socket, asio::buffer(get(i % 2 ? "/body" : "/" + std::to_string(t))));
        std::string got;
        const std::string wanted = i % 2 ? "0\r\n\r\n" : "\r\n\r\n" + std::to_string(t);
        while (!got.ends_with(wanted)) {
          char room[1000];
          got.append(room, socket.read_some(asio::buffer(room)));
        }
        ++good;
      }
    });
  for (auto& t : clients) t.join();
  EXPECT_EQ(good, 60);
  stop.emit(asio::cancellation_type::partial);
  pool.join();
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(app.counts().open, 0U);
}

} // namespace
