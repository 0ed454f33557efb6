// SPDX-License-Identifier: BSL-1.0
#include "../../support/server_harness.hpp"

#include <functional>

namespace {

using namespace antiphon_tests;
using event = ap::http::flow::event;
using step = ap::http::flow::step;

/// What a test sees of a flow that a handler has made, also after it is gone.
struct watch {
  std::vector<event> events;
  bool alive = false;
  int count = 0;
  ap::notifier changed;
  int published = 0;
  ap::duration period = 1s;
  int limit = 1'000'000;
  std::size_t piece = 4;
};

/// A stream of numbers: one for each that was published, and one a period.
class counter final : public ap::http::flow {
 public:
  explicit counter(watch& w) : w_(w) { w_.alive = true; }
  ~counter() override {
    leave();
    w_.alive = false;
  }
  step run(ap::http::exchange& to, event what) override {
    w_.events.push_back(what);
    if (what == event::start) {
      to.start(ap::status::ok, "text/plain");
      to.timer(w_.period);
      full_ = false;
    }
    if (what == event::drained) full_ = false;
    if (what == event::timer) {
      ++w_.published;
      to.timer(w_.period);
    }
    if (what == event::drain) {
      if (!full_) to.write(ap::http::chunk("bye;"));
      return step::end;
    }
    while (!full_ && at_ < w_.published) {
      std::string text = std::to_string(at_++) + ";";
      text.resize(std::max(w_.piece, text.size()), ' ');
      full_ = !to.write(ap::http::chunk(text));
      ++w_.count;
    }
    if (at_ >= w_.limit) return step::end;
    leave();
    w_.changed.join(to.executor(), *this);
    return step::wait;
  }

 private:
  watch& w_;
  int at_ = 0;
  bool full_ = false;
};

/// Answers whole, when something was published, or with 204 when its time is over.
class held final : public ap::http::flow {
 public:
  explicit held(watch& w) : w_(w) { w_.alive = true; }
  ~held() override {
    leave();
    w_.alive = false;
  }
  step run(ap::http::exchange& to, event what) override {
    w_.events.push_back(what);
    if (w_.published > 0) {
      to.reply(ap::text("value " + std::to_string(w_.published)));
      return step::end;
    }
    if (what == event::timer || what == event::drain) {
      to.reply(ap::status::no_content);
      return step::end;
    }
    if (what == event::start) to.timer(w_.period);
    leave();
    w_.changed.join(to.executor(), *this);
    return step::wait;
  }

 private:
  watch& w_;
};

template <class Flow>
ap::response answer(watch& w) {
  return ap::response(std::make_unique<Flow>(w));
}

/// A flow that does what the test says.
class scripted final : public ap::http::flow {
 public:
  using script = std::function<step(ap::http::exchange&, event, scripted&)>;
  scripted(script f, bool& alive) : f_(std::move(f)), alive_(alive) { alive_ = true; }
  ~scripted() override {
    leave();
    alive_ = false;
  }
  step run(ap::http::exchange& to, event what) override { return f_(to, what, *this); }

 private:
  script f_;
  bool& alive_;
};
ap::response answer(scripted::script f, bool& alive) {
  return ap::response(std::make_unique<scripted>(std::move(f), alive));
}

struct flow_streams : over_streams {
  watch w;
  bool alive = false; // of a scripted flow
  flow_streams() {
    app.get("/stream", [this] { return answer<counter>(w); });
    app.get("/held", [this] { return answer<held>(w); });
    app.get("/", [] { return "next"; });
  }
  void publish(int n = 1) {
    w.published += n;
    w.changed.notify_all();
    s.settle();
  }
  void TearDown() override {
    s.finish();
    EXPECT_FALSE(w.alive);
    EXPECT_FALSE(alive);
  }
};

TEST_P(flow_streams, starts_at_once_and_writes_when_woken) {
  auto& c = s.client();
  c.send(get("/stream"));
  const auto head = c.read(c.now().find("\r\n\r\n") + 4);
  EXPECT_NE(head.find("HTTP/1.1 200 OK\r\n"), head.npos);
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), head.npos);
  EXPECT_NE(head.find("Content-Type: text/plain\r\n"), head.npos);
  EXPECT_EQ(s.app.counts().answering, 1U);
  publish(2);
  EXPECT_EQ(c.take(), "4\r\n0;  \r\n4\r\n1;  \r\n");
  publish();
  EXPECT_EQ(c.take(), "4\r\n2;  \r\n");
}

TEST_P(flow_streams, timers_are_exact_and_end_with_the_flow) {
  w.limit = 3;
  auto& c = s.client();
  c.send(get("/stream"));
  s.advance(999ms);
  EXPECT_EQ(w.count, 0);
  s.advance(1ms);
  EXPECT_EQ(w.count, 1);
  s.advance(2s);
  EXPECT_EQ(w.count, 3);
  EXPECT_FALSE(w.alive);
  const auto r = c.next();
  EXPECT_TRUE(r.whole);
  EXPECT_EQ(r.body, "0;  1;  2;  ");
  EXPECT_EQ(s.app.counts().answering, 0U);
  s.advance(10s);
  std::erase(w.events, event::drained); // there is one where a stream has no readiness
  EXPECT_EQ(w.events, (std::vector<event>{event::start, event::timer, event::timer, event::timer}));
  EXPECT_EQ(c.ask(get("/")).body, "next") << "keep-alive goes on";
}

TEST_P(flow_streams, a_quiet_one_has_no_time_out) {
  w.period = 24h;
  auto& c = s.client();
  c.send(get("/stream"));
  s.advance(23h);
  EXPECT_TRUE(w.alive);
  publish();
  EXPECT_NE(c.take().find("4\r\n0;  \r\n"), std::string::npos);
}

TEST_P(flow_streams, a_slow_reader_holds_it_until_there_is_room) {
  s.capacity = 4096;
  w.piece = 2000;
  w.period = 1h;
  w.limit = 500;
  auto& c = s.client();
  c.hold();
  c.send(get("/stream"));
  publish(500);
  const int before = w.count;
  EXPECT_LT(before, 490) << "it was not held back";
  publish(0);
  publish(0);
  EXPECT_EQ(w.count, before) << "a wake-up while the socket is full is not run";
  c.hold(false);
  const auto r = c.next();
  EXPECT_TRUE(r.whole);
  ASSERT_EQ(r.chunks.size(), 500U);
  for (std::size_t i = 0; i < 500; ++i) EXPECT_EQ(std::stoul(r.chunks[i]), i);
  EXPECT_FALSE(w.alive);
}

TEST_P(flow_streams, a_timer_that_comes_while_the_socket_is_full_is_run_after_it) {
  s.capacity = 4096;
  w.piece = 10'000;
  w.limit = 130;
  auto& c = s.client();
  c.hold();
  c.send(get("/stream"));
  publish(100);
  EXPECT_LT(w.count, 100);
  s.advance(5s); // one second a beat: it is missed
  c.hold(false);
  for (int i = 0; i < 60 && w.alive; ++i) {
    c.now();
    s.advance(1s);
  }
  EXPECT_TRUE(c.next().whole);
  EXPECT_FALSE(w.alive);
}

TEST_P(flow_streams, a_reader_that_never_reads_is_cut_at_the_write_stall) {
  s.capacity = 4096;
  w.piece = 100'000;
  w.period = 1h;
  s.options.write_stall = 30s;
  auto& c = s.client();
  c.hold();
  c.send(get("/stream"));
  publish(100);
  s.advance(29s);
  EXPECT_TRUE(w.alive);
  s.advance(2s);
  EXPECT_FALSE(w.alive);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(flow_streams, progress_puts_the_write_stall_off) {
  s.capacity = 4096;
  w.piece = 100'000;
  w.period = 1h;
  auto& c = s.client();
  c.hold();
  c.send(get("/stream"));
  publish(100);
  for (int i = 0; i < 10; ++i) {
    s.advance(20s);
    ASSERT_TRUE(w.alive) << i;
    c.hold(false);
    c.read(300'000);
    s.settle();
    c.hold();
  }
}

TEST_P(flow_streams, is_destroyed_when_the_client_goes) {
  auto& c = s.client();
  c.send(get("/stream"));
  EXPECT_TRUE(w.alive);
  c.close();
  EXPECT_FALSE(w.alive);
  EXPECT_EQ(s.open(), 0U);
  publish();
  s.advance(10s);
}

TEST_P(flow_streams, to_http_1_0_it_is_ended_by_the_close) {
  w.limit = 2;
  auto& c = s.client();
  c.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  publish(2);
  const auto r = c.next();
  EXPECT_FALSE(r.has("Transfer-Encoding"));
  EXPECT_FALSE(r.has("Content-Length"));
  EXPECT_NE(r.header("Connection"), "keep-alive") << "only the close ends this body";
  EXPECT_EQ(r.body, "0;  1;  ");
  EXPECT_TRUE(c.ended());
  EXPECT_FALSE(c.was_reset());
}

TEST_P(flow_streams, a_head_request_is_sent_the_head_only) {
  auto& c = s.client();
  publish(3);
  c.send(head_of("HEAD", "/stream") + get("/"));
  const auto r = c.next(true);
  EXPECT_EQ(r.code, 200);
  EXPECT_EQ(r.header("Transfer-Encoding"), "chunked");
  EXPECT_FALSE(w.alive);
  EXPECT_EQ(c.next().body, "next");
}

TEST_P(flow_streams, a_request_behind_it_waits_and_is_then_answered) {
  w.limit = 1;
  auto& c = s.client();
  c.send(get("/stream") + get("/"));
  c.send(get("/held"));
  publish();
  EXPECT_EQ(c.next().body, "0;  ");
  EXPECT_EQ(c.next().body, "next");
  EXPECT_EQ(c.next().body, "value 1");
}

TEST_P(flow_streams, drain_is_told_and_ends_it_in_its_own_words) {
  auto& c = s.client();
  c.send(get("/stream"));
  s.drain();
  s.advance(10ms);
  EXPECT_FALSE(w.alive);
  const auto r = c.next();
  EXPECT_TRUE(r.whole);
  EXPECT_EQ(r.body, "bye;");
  EXPECT_EQ(c.rest(), "");
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
  EXPECT_EQ(w.events.back(), event::drain);
}

TEST_P(flow_streams, drain_waits_until_the_socket_has_room) {
  s.capacity = 4096;
  w.piece = 100'000;
  w.period = 1h;
  auto& c = s.client();
  c.hold();
  c.send(get("/stream"));
  publish(30);
  s.drain();
  s.advance(100ms);
  EXPECT_TRUE(w.alive);
  c.hold(false);
  const auto r = c.next();
  EXPECT_TRUE(r.whole);
  EXPECT_EQ(r.chunks.back(), "bye;");
  s.settle();
  EXPECT_TRUE(s.done);
}

TEST_P(flow_streams, one_that_ignores_the_drain_is_cut_at_its_end) {
  app.get("/stubborn", [&] {
    return answer(
        [](ap::http::exchange& to, event what, scripted&) {
          if (what == event::start) to.start(ap::status::ok, "text/plain");
          return step::wait;
        },
        alive);
  });
  s.options.drain = 10s;
  auto& c = s.client();
  c.send(get("/stubborn"));
  s.drain();
  s.advance(9s);
  EXPECT_TRUE(alive);
  EXPECT_FALSE(s.done);
  s.advance(1s);
  EXPECT_FALSE(alive);
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
}

TEST_P(flow_streams, one_that_starts_during_the_drain_is_told) {
  // The request came before the stop, behind one that was being handled.
  ap::notifier changed;
  app.get("/wait", [&](ap::request&) -> asio::awaitable<ap::response> {
    co_await changed.async_wait(asio::use_awaitable);
    co_return "waited";
  });
  auto& c = s.client();
  c.send(get("/wait"));
  s.drain();
  s.advance(100ms);
  changed.notify_all();
  s.settle();
  const auto r = c.next();
  EXPECT_EQ(r.body, "waited");
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_TRUE(s.done);
}

TEST_P(flow_streams, an_exception_before_the_start_is_a_500) {
  app.get("/bad", [&] {
    return answer([](ap::http::exchange&, event, scripted&) -> step { throw std::runtime_error("no"); }, alive);
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/bad")).code, 500);
  EXPECT_FALSE(alive);
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_NE(s.errors[0].find("no"), std::string::npos);
  EXPECT_EQ(c.ask(get("/")).body, "next");
}

TEST_P(flow_streams, an_exception_after_the_start_cuts_the_answer) {
  app.get("/bad", [&] {
    return answer(
        [](ap::http::exchange& to, event what, scripted&) -> step {
          if (what == event::timer) throw std::runtime_error("late");
          if (what == event::start) {
            to.start(ap::status::ok, "text/plain");
            to.write(ap::http::chunk("half"));
            to.timer(1s);
          }
          return step::wait;
        },
        alive);
  });
  auto& c = s.client();
  c.send(get("/bad"));
  s.advance(1s);
  const auto r = c.next();
  EXPECT_EQ(r.body, "half");
  EXPECT_FALSE(r.whole);
  EXPECT_TRUE(c.ended());
  EXPECT_FALSE(alive);
  EXPECT_EQ(s.errors.size(), 1U);
}

TEST_P(flow_streams, a_timer_can_be_moved_and_cancelled) {
  std::vector<ap::duration> at;
  const auto begin = s.time.now();
  app.get("/timers", [&] {
    return answer(
        [&](ap::http::exchange& to, event what, scripted&) -> step {
          if (what == event::start) {
            to.start(ap::status::ok, "text/plain");
            to.timer(1s);
            to.timer(3s);
          } else if (what == event::timer) {
            at.push_back(s.time.now() - begin);
            to.timer(1s);
            if (at.size() == 2) to.cancel_timer();
            if (at.size() == 1) to.timer(0s);
          }
          return step::wait;
        },
        alive);
  });
  auto& c = s.client();
  c.send(get("/timers"));
  s.advance(60s);
  EXPECT_EQ(at, (std::vector<ap::duration>{3s, 3s}));
}

TEST_P(flow_streams, fields_and_status_of_the_start_are_sent) {
  app.get("/fields", [&] {
    return answer(
        [](ap::http::exchange& to, event, scripted&) -> step {
          ap::http::fields extra;
          extra.add("X-One", "1");
          to.start(ap::status::created, "text/x", extra);
          to.write(ap::http::chunk());
          to.write(ap::http::chunk("a"));
          return step::end;
        },
        alive);
  });
  auto& c = s.client();
  const auto r = c.ask(get("/fields"));
  EXPECT_EQ(r.code, 201);
  EXPECT_EQ(r.header("X-One"), "1");
  EXPECT_EQ(r.header("Content-Type"), "text/x");
  EXPECT_EQ(r.body, "a");
  EXPECT_TRUE(r.whole);
}

TEST_P(flow_streams, one_that_ends_without_a_piece) {
  app.get("/empty", [&] {
    return answer(
        [](ap::http::exchange& to, event, scripted&) -> step {
          to.start(ap::status::ok, "text/plain");
          return step::end;
        },
        alive);
  });
  auto& c = s.client();
  c.send(get("/empty") + get("/empty") + get("/"));
  for (int i = 0; i < 2; ++i) {
    const auto r = c.next();
    EXPECT_TRUE(r.whole);
    EXPECT_EQ(r.body, "");
  }
  EXPECT_EQ(c.next().body, "next");
}

// --- answers that are held

struct flow_held : flow_streams {
  static inline bool ignored = false;
};

TEST_P(flow_held, replies_when_woken) {
  auto& c = s.client();
  c.send(get("/held") + get("/"));
  EXPECT_EQ(c.now(), "");
  EXPECT_EQ(s.app.counts().answering, 1U);
  w.period = 1h;
  publish();
  const auto r = c.next();
  EXPECT_EQ(r.code, 200);
  EXPECT_EQ(r.body, "value 1");
  EXPECT_EQ(r.header("Content-Length"), "7");
  EXPECT_EQ(c.next().body, "next");
  EXPECT_EQ(s.app.counts().answering, 0U);
  EXPECT_FALSE(w.alive);
}

TEST_P(flow_held, replies_at_once_where_there_is_something) {
  w.published = 7;
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/held")).body, "value 7");
  c.send(head_of("HEAD", "/held") + get("/"));
  const auto head = c.next(true);
  EXPECT_EQ(head.header("Content-Length"), "7");
  EXPECT_EQ(c.next().body, "next");
}

TEST_P(flow_held, replies_when_its_time_is_over) {
  auto& c = s.client();
  c.send(get("/held"));
  s.advance(1s);
  EXPECT_EQ(c.next().code, 204);
  for (int i = 0; i < 5; ++i) { // again and again on one connection
    c.send(get("/held"));
    s.advance(1s);
    EXPECT_EQ(c.next().code, 204);
  }
}

TEST_P(flow_held, http_1_0_may_stay) {
  w.published = 1;
  auto& c = s.client();
  const auto r = c.ask("GET /held HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(r.header("Connection"), "keep-alive");
  EXPECT_EQ(r.body, "value 1");
  EXPECT_EQ(c.ask(get("/")).body, "next");
}

TEST_P(flow_held, drain_has_it_answered) {
  w.period = 1h;
  auto& c = s.client();
  c.send(get("/held"));
  s.drain();
  s.advance(100ms);
  const auto r = c.next();
  EXPECT_EQ(r.code, 204);
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_TRUE(s.done);
}

TEST_P(flow_held, the_end_of_the_stream_is_the_end_of_it) {
  auto& c = s.client();
  c.send(get("/held"));
  c.finish();
  EXPECT_EQ(c.rest(), "");
  EXPECT_FALSE(w.alive);
}

TEST_P(flow_held, half_close_lets_it_answer_and_closes) {
  s.options.half_close = true;
  auto& c = s.client();
  c.send(get("/held"));
  c.finish();
  EXPECT_TRUE(w.alive);
  publish();
  EXPECT_EQ(c.next().body, "value 1");
  EXPECT_EQ(c.rest(), "");
}

TEST_P(flow_held, a_reply_that_is_not_of_bytes_is_a_500_and_is_reported) {
  app.get("/kind/{n}", [&](ap::request& req) {
    const auto which = req.param("n").front();
    return answer(
        [which](ap::http::exchange& to, event, scripted&) -> step {
          if (which == 'b') to.reply(ap::stream_body([](ap::body_writer&) -> asio::awaitable<void> { co_return; }));
          if (which == 'f') to.reply(answer([](ap::http::exchange&, event, scripted&) { return step::end; }, ignored));
          if (which == 'u') to.reply(ap::upgrade("x", [](ap::any_stream) -> asio::awaitable<void> { co_return; }));
          return step::end;
        },
        alive);
  });
  auto& c = s.client();
  for (const char* path : {"/kind/b", "/kind/f", "/kind/u"}) EXPECT_EQ(c.ask(get(path)).code, 500) << path;
  EXPECT_EQ(c.ask(get("/")).body, "next");
  ASSERT_EQ(s.errors.size(), 3U);
  for (const auto& e : s.errors) EXPECT_NE(e.find("a flow replies with bytes"), std::string::npos) << e;
}

TEST_P(flow_held, a_large_reply_to_a_slow_reader) {
  s.capacity = 4096;
  app.get("/large", [&] {
    return answer(
        [](ap::http::exchange& to, event what, scripted&) -> step {
          if (what == event::start) {
            to.timer(1s);
            return step::wait;
          }
          to.reply(ap::text(std::string(2'000'000, 'l')));
          return step::end;
        },
        alive);
  });
  auto& c = s.client();
  c.hold();
  c.send(get("/large") + get("/"));
  s.advance(1s);
  c.hold(false);
  EXPECT_EQ(c.next().body.size(), 2'000'000U);
  EXPECT_EQ(c.next().body, "next");
}

TEST_P(flow_streams, thousands_of_wakes_with_clients_that_come_and_go) {
  w.period = 1h;
  std::vector<wire> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(s.connect());
  for (auto& c : clients) c.send(get("/stream"));
  for (int i = 0; i < 20; ++i) {
    clients[static_cast<std::size_t>(i)].close();
    w.published = 0;
    publish();
  }
  s.settle();
  EXPECT_EQ(s.open(), 0U);
}

struct flow_turns : in_memory {
  bool alive = false;
  std::size_t written = 0, others = 0;
  /// Writes `n` pieces as fast as it may.
  void gush(std::size_t size, std::size_t n) {
    app.get("/gush/" + std::to_string(size), [this, size, n] {
      written = others = 0;
      return answer(
          [this, n, piece = ap::http::chunk(std::string(size, 'g'))](ap::http::exchange& to, event what, scripted&) {
            if (what == event::start) {
              to.start(ap::status::ok, "text/plain");
              asio::post(s.io, [this] { others = written; });
            }
            while (written < n) {
              ++written;
              if (!to.write(piece)) return step::wait;
            }
            return step::end;
          },
          alive);
    });
  }
};

// No write waits where the client reads as fast as it is written to.
TEST_F(flow_turns, a_flow_lets_others_run_while_there_is_room) {
  s.capacity = 4 * 1024 * 1024;
  gush(16'384, 128);
  gush(1, 1000);
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/gush/16384")).body.size(), 2'097'152U);
  EXPECT_EQ(written, 128U);
  EXPECT_GT(others, 8U);
  EXPECT_LE(others, 16U);
  EXPECT_EQ(c.ask(get("/gush/1")).body.size(), 1000U);
  EXPECT_GT(others, 16U) << "a turn for each few bytes is a waste";
  EXPECT_LE(others, 64U);
}

TEST_F(flow_turns, the_end_may_fall_on_the_end_of_a_turn) {
  s.capacity = 4 * 1024 * 1024;
  for (std::size_t n = 14; n < 19; ++n) gush(16'384 - n, n);
  auto& c = s.client();
  for (std::size_t n = 14; n < 19; ++n) {
    const auto r = c.ask(get("/gush/" + std::to_string(16'384 - n)));
    EXPECT_TRUE(r.whole);
    EXPECT_EQ(r.chunks.size(), n);
  }
}

// Nothing of it is sent, so it would never be told to wait.
TEST_F(flow_turns, a_flow_that_answers_head_is_told_to_stop) {
  gush(10, 1000);
  auto& c = s.client();
  EXPECT_EQ(c.ask(head_of("HEAD", "/gush/10")).code, 200);
  EXPECT_EQ(written, 1U);
  EXPECT_FALSE(alive);
}

ANTIPHON_OVER_STREAMS(flow_streams);
ANTIPHON_OVER_STREAMS(flow_held);

} // namespace
