// SPDX-License-Identifier: BSL-1.0
#include "../../support/server_harness.hpp"

#include <antiphon/core/timeout.hpp>

namespace {

using namespace antiphon_tests;

/// Set while a frame that owns it lives.
struct alive {
  explicit alive(bool& f) : flag(&f) { *flag = true; }
  alive(const alive&) = delete;
  ~alive() { *flag = false; }
  bool* flag;
};

struct body_streams : over_streams {
  bool lives = false;
  int written = 0;
  std::vector<ap::exchange_summary> seen;

  body_streams() {
    app.get("/count/{n}", [this](ap::request& req) {
      const int n = std::stoi(std::string(req.param("n")));
      return ap::stream_body(
          [this, n](ap::body_writer& out) -> asio::awaitable<void> {
            const alive here(lives);
            for (int i = 0; i < n; ++i) {
              co_await out.write(std::to_string(i) + ";");
              ++written;
              co_await ap::sleep_for(1s);
            }
          },
          "text/plain");
    });
    app.get("/flood/{n}", [this](ap::request& req) {
      const int n = std::stoi(std::string(req.param("n")));
      return ap::stream_body([this, n](ap::body_writer& out) -> asio::awaitable<void> {
        const alive here(lives);
        const ap::http::chunk piece(std::string(10'000, 'f'));
        for (int i = 0; i < n; ++i, ++written) co_await out.write(piece);
      });
    });
    app.get("/until_drain", [this] {
      return ap::stream_body([this](ap::body_writer& out) -> asio::awaitable<void> {
        const alive here(lives);
        while (!out.draining()) {
          co_await out.write("beat;");
          co_await ap::sleep_for(1s);
        }
        co_await out.write("bye;");
      });
    });
    app.get("/", [] { return "next"; });
  }
  void TearDown() override {
    s.finish();
    EXPECT_FALSE(lives) << "a frame is left";
  }
};

TEST_P(body_streams, writes_in_chunks_and_keeps_the_connection) {
  auto& c = s.client();
  c.send(get("/count/3") + get("/"));
  EXPECT_NE(c.now().find("2\r\n0;\r\n"), std::string::npos);
  EXPECT_EQ(s.app.counts().answering, 1U);
  s.advance(3s);
  const auto r = c.next();
  EXPECT_EQ(r.code, 200);
  EXPECT_EQ(r.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(r.header("Content-Type"), "text/plain");
  EXPECT_EQ(r.chunks, (std::vector<std::string>{"0;", "1;", "2;"}));
  EXPECT_TRUE(r.whole);
  EXPECT_EQ(c.next().body, "next");
  EXPECT_EQ(s.app.counts().answering, 0U);
}

TEST_P(body_streams, one_that_writes_nothing) {
  auto& c = s.client();
  c.send(get("/count/0") + get("/count/0") + get("/"));
  EXPECT_TRUE(c.next().whole);
  EXPECT_TRUE(c.next().whole);
  EXPECT_EQ(c.next().body, "next");
}

TEST_P(body_streams, waits_where_the_reader_is_slow) {
  s.capacity = 4096;
  auto& c = s.client();
  c.hold();
  c.send(get("/flood/500") + get("/"));
  EXPECT_LT(written, 480);
  const int before = written;
  s.advance(5s);
  EXPECT_EQ(written, before);
  c.hold(false);
  const auto r = c.next();
  EXPECT_EQ(r.body.size(), 5'000'000U);
  EXPECT_TRUE(r.whole);
  EXPECT_EQ(c.next().body, "next");
  EXPECT_EQ(written, 500);
}

TEST_P(body_streams, a_reader_that_never_reads_is_cut_and_the_body_ends) {
  s.capacity = 4096;
  auto& c = s.client();
  c.hold();
  c.send(get("/flood/500"));
  s.advance(29s);
  EXPECT_TRUE(lives);
  s.advance(2s);
  EXPECT_FALSE(lives);
  EXPECT_EQ(s.open(), 0U);
  EXPECT_TRUE(s.errors.empty()) << s.errors[0];
}

TEST_P(body_streams, a_client_that_goes_cancels_it_while_it_sleeps) {
  auto& c = s.client();
  c.send(get("/count/1000"));
  EXPECT_TRUE(lives);
  c.close();
  EXPECT_FALSE(lives);
  EXPECT_EQ(s.open(), 0U);
  EXPECT_TRUE(s.errors.empty()) << s.errors[0];
}

TEST_P(body_streams, a_client_that_goes_ends_a_write_that_waits) {
  s.capacity = 4096;
  auto& c = s.client();
  c.hold();
  c.send(get("/flood/500"));
  EXPECT_TRUE(lives);
  c.close();
  s.settle();
  EXPECT_FALSE(lives);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(body_streams, an_exception_cuts_the_answer_and_is_reported) {
  app.get("/bad", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
      co_await out.write("half");
      co_await ap::sleep_for(1s);
      throw std::runtime_error("out of numbers");
    });
  });
  auto& c = s.client();
  c.send(get("/bad"));
  s.advance(1s);
  const auto r = c.next();
  EXPECT_EQ(r.body, "half");
  EXPECT_FALSE(r.whole);
  EXPECT_TRUE(c.ended());
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_NE(s.errors[0].find("out of numbers"), std::string::npos);
}

TEST_P(body_streams, the_callable_lives_as_long_as_the_body) {
  bool captured = false;
  struct tracked {
    std::shared_ptr<alive> held;
  };
  app.get("/captured", [&captured](ap::request& req) {
    return ap::stream_body([t = tracked{std::make_shared<alive>(captured)},
                            name = std::string(req.target())](ap::body_writer& out) -> asio::awaitable<void> {
      co_await ap::sleep_for(1s);
      const std::string text = *t.held->flag ? name : "gone";
      co_await out.write(text);
    });
  });
  auto& c = s.client();
  c.send(get("/captured"));
  s.advance(1s);
  EXPECT_EQ(c.next().body, "/captured");
  EXPECT_FALSE(captured);
}

// What is offered waits for nobody: the body may end while it is half written, and its end comes behind it.
TEST_P(body_streams, an_offer_goes_out_before_the_end) {
  const std::string large(3'000'000, 'o');
  app.get("/offers", [&] {
    return ap::stream_body([&](ap::body_writer& out) -> asio::awaitable<void> {
      co_await out.write("begun;");
      EXPECT_TRUE(out.host().body_takes_offers());
      out.host().body_offer(ap::http::chunk(large));
      EXPECT_FALSE(out.host().body_takes_offers());
      out.host().body_offer(ap::http::chunk("forgotten"));
    });
  });
  auto& c = s.client();
  c.hold();
  c.send(get("/offers"));
  s.settle();
  c.hold(false);
  const auto r = c.next();
  EXPECT_TRUE(r.whole);
  EXPECT_TRUE(r.body == "begun;" + large);
  EXPECT_EQ(c.ask(get("/")).body, "next");
}

TEST_P(body_streams, head_gets_the_head_and_the_body_does_not_run) {
  auto& c = s.client();
  c.send(head_of("HEAD", "/count/3") + get("/"));
  const auto r = c.next(true);
  EXPECT_EQ(r.code, 200);
  EXPECT_EQ(r.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(c.next().body, "next");
  EXPECT_EQ(written, 0);
}

TEST_P(body_streams, http_1_0_gets_it_plain_and_a_close) {
  auto& c = s.client();
  c.send("GET /count/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  s.advance(2s);
  const auto r = c.next();
  EXPECT_EQ(r.header("Connection"), "close");
  EXPECT_FALSE(r.has("Transfer-Encoding"));
  EXPECT_EQ(r.body, "0;1;");
  EXPECT_FALSE(c.was_reset());
}

TEST_P(body_streams, draining_is_said_and_it_ends_itself) {
  auto& c = s.client();
  c.send(get("/until_drain"));
  s.advance(1500ms);
  s.drain();
  s.advance(1s);
  const auto r = c.next();
  EXPECT_EQ(r.body, "beat;beat;bye;");
  EXPECT_TRUE(r.whole);
  EXPECT_EQ(c.rest(), "");
  EXPECT_TRUE(s.done);
}

TEST_P(body_streams, a_finite_one_goes_on_during_the_drain_and_is_cut_at_its_end) {
  s.options.drain = 5s;
  auto& short_one = s.client();
  auto& long_one = s.client();
  short_one.send(get("/count/3"));
  long_one.send(get("/count/100"));
  s.drain();
  s.advance(4s);
  EXPECT_TRUE(short_one.next().whole);
  EXPECT_FALSE(s.done);
  s.advance(1s);
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
  EXPECT_FALSE(long_one.next().whole);
}

TEST_P(body_streams, cut_ends_it_at_once) {
  auto& c = s.client();
  c.send(get("/count/100"));
  s.cut();
  s.settle();
  EXPECT_TRUE(s.done);
  EXPECT_FALSE(lives);
  EXPECT_FALSE(c.next().whole);
}

TEST_P(body_streams, a_write_that_is_given_up_cuts_the_connection) {
  s.capacity = 4096;
  bool timed_out = false;
  app.get("/impatient", [&] {
    return ap::stream_body([&](ap::body_writer& out) -> asio::awaitable<void> {
      try {
        for (;;) {
          auto write = out.write(std::string(100'000, 'w'));
          co_await ap::with_timeout(1s, std::move(write));
        }
      } catch (const ap::system_error& e) {
        timed_out = e.code() == asio::error::timed_out;
        throw;
      }
    });
  });
  auto& c = s.client();
  c.hold();
  c.send(get("/impatient"));
  s.advance(1s);
  EXPECT_TRUE(timed_out);
  EXPECT_EQ(s.open(), 0U);
  c.hold(false);
  EXPECT_FALSE(c.next().whole);
}

TEST_P(body_streams, fields_of_the_response_are_sent) {
  app.get("/fields", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write("x"); }, "text/csv")
        .status(ap::status::accepted)
        .set("X-One", "1");
  });
  auto& c = s.client();
  const auto r = c.ask(get("/fields"));
  EXPECT_EQ(r.code, 202);
  EXPECT_EQ(r.header("X-One"), "1");
  EXPECT_EQ(r.header("Content-Type"), "text/csv");
  EXPECT_EQ(r.body, "x");
}
ANTIPHON_OVER_STREAMS(body_streams);

struct body_turns : in_memory {};

// No write waits where the client reads as fast as it is written to.
TEST_F(body_turns, a_body_lets_others_run_while_there_is_room) {
  s.capacity = 4 * 1024 * 1024;
  std::size_t written = 0, others = 0;
  app.get("/gush/{size}/{n}", [&](ap::request& req) {
    const auto size = std::stoul(std::string(req.param("size"))), n = std::stoul(std::string(req.param("n")));
    return ap::stream_body([&, size, n](ap::body_writer& out) -> asio::awaitable<void> {
      written = others = 0;
      asio::post(s.io, [&] { others = written; });
      const ap::http::chunk piece(std::string(size, 'g'));
      for (std::size_t i = 0; i < n; ++i) {
        co_await out.write(piece);
        written += size;
      }
    });
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/gush/16384/128")).body.size(), 2'097'152U);
  EXPECT_EQ(written, 2'097'152U);
  EXPECT_GT(others, 128U * 1024);
  EXPECT_LE(others, 256U * 1024);
  EXPECT_EQ(c.ask(get("/gush/1/1000")).body.size(), 1000U);
  EXPECT_GT(others, 16U) << "a turn for each few bytes is a waste";
  EXPECT_LE(others, 64U);
}

} // namespace
