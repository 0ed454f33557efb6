// SPDX-License-Identifier: BSL-1.0
#include "../../support/server_harness.hpp"

#include <antiphon/core/timeout.hpp>

#include <asio/write.hpp>

namespace {

using namespace antiphon_tests;

constexpr const char* ask_echo = "Connection: upgrade\r\nUpgrade: echo\r\n";

struct upgrades : over_streams {
  bool lives = false;
  std::vector<ap::error_code> ended_with;

  upgrades() {
    app.get("/echo", [this] {
      return ap::upgrade("echo", [this](ap::any_stream stream) -> asio::awaitable<void> {
        lives = true;
        struct leave {
          bool& flag;
          ~leave() { flag = false; }
        } const here{lives};
        char room[1000];
        for (;;) {
          auto [ec, n] = co_await stream.async_read_some(asio::buffer(room), ap::detail::tuple_awaitable);
          if (ec) {
            ended_with.push_back(ec);
            if (ec != ap::error::draining) co_return;
            co_await stream.async_write_some(asio::buffer("bye", 3), asio::use_awaitable);
            co_return;
          }
          co_await asio::async_write(stream, asio::buffer(room, n), asio::use_awaitable);
        }
      });
    });
    app.get("/", [] { return "next"; });
  }
  void TearDown() override {
    s.finish();
    EXPECT_FALSE(lives);
  }
};

TEST_P(upgrades, says_101_and_hands_the_bytes_over) {
  auto& c = s.client();
  const auto r = c.ask(get("/echo", ask_echo));
  EXPECT_EQ(r.code, 101);
  EXPECT_EQ(r.header("Connection"), "Upgrade");
  EXPECT_EQ(r.header("Upgrade"), "echo");
  EXPECT_FALSE(r.has("Content-Length"));
  EXPECT_FALSE(r.has("Transfer-Encoding"));
  c.send("hello");
  EXPECT_EQ(c.read(5), "hello");
  c.send(get("/"));
  EXPECT_EQ(c.read(get("/").size()), get("/"));
  EXPECT_EQ(s.app.counts().answering, 1U);
}

TEST_P(upgrades, bytes_behind_the_request_belong_to_it) {
  auto& c = s.client();
  std::string behind(5000, 'b');
  c.send(get("/") + get("/echo", ask_echo) + behind);
  EXPECT_EQ(c.next().body, "next");
  EXPECT_EQ(c.next().code, 101);
  EXPECT_EQ(c.read(5000), behind);
  c.send("more");
  EXPECT_EQ(c.read(4), "more");
}

TEST_P(upgrades, byte_by_byte) {
  auto& c = s.client();
  const auto all = get("/echo", ask_echo) + "xyz";
  for (const char b : all) c.send({&b, 1});
  EXPECT_EQ(c.next().code, 101);
  EXPECT_EQ(c.read(3), "xyz");
}

TEST_P(upgrades, lasts_longer_than_every_time_out) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/echo", ask_echo)).code, 101);
  s.advance(24h);
  c.send("still");
  EXPECT_EQ(c.read(5), "still");
}

TEST_P(upgrades, is_refused_with_426_where_it_was_not_asked_for) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/echo")).code, 426);
  EXPECT_EQ(c.ask(get("/echo", "Upgrade: echo\r\n")).code, 426);
  EXPECT_EQ(c.ask("GET /echo HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: echo\r\n\r\n").code, 426);
  EXPECT_EQ(c.ask(get("/")).body, "next");
}

TEST_P(upgrades, a_handler_may_ignore_the_wish) {
  auto& c = s.client();
  c.send(get("/", ask_echo) + get("/"));
  EXPECT_EQ(c.next().body, "next");
  EXPECT_EQ(c.next().body, "next");
}

TEST_P(upgrades, ends_with_the_client) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/echo", ask_echo)).code, 101);
  c.finish();
  EXPECT_EQ(c.rest(), "");
  ASSERT_EQ(ended_with.size(), 1U);
  EXPECT_EQ(ended_with[0], asio::error::eof);
  s.advance(2s);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(upgrades, returning_closes_and_what_was_written_arrives) {
  app.get("/hello", [] {
    return ap::upgrade("hello", [](ap::any_stream stream) -> asio::awaitable<void> {
      co_await asio::async_write(stream, asio::buffer(std::string(100'000, 'h')), asio::use_awaitable);
    });
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/hello", ask_echo)).code, 101);
  c.put("bytes that nobody reads");
  EXPECT_EQ(c.rest().size(), 100'000U);
  EXPECT_FALSE(c.was_reset());
  c.finish();
  s.advance(2s);
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(upgrades, drain_is_told_once_and_it_says_goodbye) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/echo", ask_echo)).code, 101);
  s.drain();
  s.advance(100ms);
  EXPECT_EQ(c.rest(), "bye");
  ASSERT_EQ(ended_with.size(), 1U);
  EXPECT_EQ(ended_with[0], ap::error::draining);
  c.close();
  s.advance(2s);
  ASSERT_TRUE(s.done);
  EXPECT_FALSE(*s.done);
}

TEST_P(upgrades, draining_comes_once_also_to_one_that_reads_later) {
  int told = 0, read = 0;
  app.get("/later", [&] {
    return ap::upgrade("later", [&](ap::any_stream stream) -> asio::awaitable<void> {
      co_await ap::sleep_for(1s);
      char room[10];
      for (;;) {
        auto [ec, n] = co_await stream.async_read_some(asio::buffer(room), ap::detail::tuple_awaitable);
        if (ec == ap::error::draining) {
          ++told;
        } else if (ec) {
          co_return;
        } else {
          read += static_cast<int>(n);
        }
      }
    });
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/later", ask_echo)).code, 101);
  s.drain();
  s.advance(1s);
  EXPECT_EQ(told, 1);
  c.send("abc");
  EXPECT_EQ(read, 3);
  EXPECT_EQ(told, 1);
  s.advance(10s);
  ASSERT_TRUE(s.done) << "it ignored the drain, and is cut at its end";
  EXPECT_FALSE(*s.done);
}

TEST_P(upgrades, cut_ends_it_at_once) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/echo", ask_echo)).code, 101);
  s.cut();
  s.settle();
  EXPECT_TRUE(s.done);
  EXPECT_FALSE(lives);
  EXPECT_TRUE(c.ended());
}

TEST_P(upgrades, close_ends_what_is_outstanding) {
  ap::error_code seen;
  app.get("/close", [&] {
    return ap::upgrade("close", [&](ap::any_stream stream) -> asio::awaitable<void> {
      asio::co_spawn(
          stream.get_executor(),
          [](ap::any_stream& at) -> asio::awaitable<void> {
            co_await ap::sleep_for(1s);
            at.close();
          }(stream),
          [](std::exception_ptr) {});
      char room[10];
      auto [ec, n] = co_await stream.async_read_some(asio::buffer(room), ap::detail::tuple_awaitable);
      static_cast<void>(n);
      seen = ec;
    });
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/close", ask_echo)).code, 101);
  s.advance(1s);
  EXPECT_EQ(seen, asio::error::operation_aborted);
  EXPECT_TRUE(c.ended());
  EXPECT_EQ(s.open(), 0U);
}

TEST_P(upgrades, shutdown_send_lets_it_read_on) {
  std::string got;
  app.get("/half", [&] {
    return ap::upgrade("half", [&](ap::any_stream stream) -> asio::awaitable<void> {
      stream.shutdown_send();
      char room[10];
      for (;;) {
        auto [ec, n] = co_await stream.async_read_some(asio::buffer(room), ap::detail::tuple_awaitable);
        if (ec) co_return;
        got.append(room, n);
      }
    });
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/half", ask_echo)).code, 101);
  EXPECT_EQ(c.rest(), "");
  c.put("on its way");
  c.finish();
  for (int i = 0; i < 50; ++i) s.settle();
  EXPECT_EQ(got, "on its way");
}

TEST_P(upgrades, a_read_that_is_cancelled_loses_no_byte) {
  std::string got;
  app.get("/patient", [&] {
    return ap::upgrade("patient", [&](ap::any_stream stream) -> asio::awaitable<void> {
      char room[10];
      for (int i = 0; i < 3; ++i) {
        try {
          auto read = stream.async_read_some(asio::buffer(room), asio::use_awaitable);
          got.append(room, co_await ap::with_timeout(1s, std::move(read)));
        } catch (const ap::system_error& e) {
          got += e.code() == asio::error::timed_out ? "-" : "?";
        }
      }
    });
  });
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/patient", ask_echo)).code, 101);
  s.advance(1s);
  s.advance(1s);
  c.send("abc");
  s.settle();
  EXPECT_EQ(got, "--abc");
  c.close();
}

TEST_P(upgrades, a_write_that_is_given_up_borrows_its_buffer_no_longer) {
  s.capacity = 4096;
  std::string outcome;
  app.get("/impatient", [&] {
    return ap::upgrade("impatient", [&](ap::any_stream stream) -> asio::awaitable<void> {
      try {
        for (;;) {
          const auto text = std::make_unique<std::string>(100'000, 'w');
          auto write = stream.async_write_some(asio::buffer(*text), asio::use_awaitable);
          co_await ap::with_timeout(1s, std::move(write));
        }
      } catch (const ap::system_error& e) {
        outcome = e.code() == asio::error::timed_out ? "timed out" : e.what();
      }
      co_await ap::sleep_for(5s);
    });
  });
  auto& c = s.client();
  c.hold();
  c.send(get("/impatient", ask_echo));
  s.advance(1s);
  EXPECT_EQ(outcome, "timed out");
  c.hold(false);
  const auto r = c.next();
  EXPECT_EQ(r.code, 101);
  for (const char byte : c.take()) ASSERT_EQ(byte, 'w');
}

TEST_P(upgrades, a_slow_reader_holds_the_writes_and_is_cut_at_the_write_stall) {
  s.capacity = 4096;
  app.get("/flood", [this] {
    return ap::upgrade("flood", [this](ap::any_stream stream) -> asio::awaitable<void> {
      const std::string text(100'000, 'f');
      lives = true;
      struct leave {
        bool& flag;
        ~leave() { flag = false; }
      } const here{lives};
      for (;;) co_await asio::async_write(stream, asio::buffer(text), asio::use_awaitable);
    });
  });
  auto& c = s.client();
  c.hold();
  c.send(get("/flood", ask_echo));
  s.advance(29s);
  EXPECT_TRUE(lives);
  s.advance(2s);
  EXPECT_FALSE(lives);
  EXPECT_EQ(s.open(), 0U);
  EXPECT_TRUE(s.errors.empty()) << s.errors[0];
}

TEST_P(upgrades, reading_and_writing_at_the_same_time) {
  s.capacity = 4096;
  app.get("/both", [] {
    return ap::upgrade("both", [](ap::any_stream stream) -> asio::awaitable<void> {
      struct down {
        static asio::awaitable<void> run(ap::any_stream& to) {
          const std::string text(300'000, 'd');
          co_await asio::async_write(to, asio::buffer(text), asio::use_awaitable);
          to.shutdown_send();
        }
      };
      asio::co_spawn(stream.get_executor(), down::run(stream), [](std::exception_ptr) {});
      char room[1000];
      for (;;) co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
    });
  });
  auto& c = s.client();
  c.hold();
  c.send(get("/both", ask_echo));
  const std::string up(300'000, 'u');
  EXPECT_TRUE(c.send(up)) << "reading must not wait for the write";
  c.hold(false);
  EXPECT_EQ(c.next().code, 101);
  EXPECT_EQ(c.rest().size(), 300'000U);
}

TEST_P(upgrades, an_exception_is_reported_and_the_clients_end_is_none) {
  app.get("/bad", [] {
    return ap::upgrade("bad", [](ap::any_stream stream) -> asio::awaitable<void> {
      char room[10];
      co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
      throw std::runtime_error("bad protocol");
    });
  });
  auto& quiet = s.client();
  EXPECT_EQ(quiet.ask(get("/bad", ask_echo)).code, 101);
  quiet.close();
  s.settle();
  EXPECT_TRUE(s.errors.empty());
  auto& c = s.client();
  EXPECT_EQ(c.ask(get("/bad", ask_echo)).code, 101);
  c.send("x");
  ASSERT_EQ(s.errors.size(), 1U);
  EXPECT_NE(s.errors[0].find("bad protocol"), std::string::npos);
  EXPECT_TRUE(c.ended());
}

TEST_P(upgrades, fields_of_the_response_are_sent) {
  app.get("/fields", [] {
    return ap::upgrade("x", [](ap::any_stream) -> asio::awaitable<void> { co_return; }).set("X-One", "1");
  });
  auto& c = s.client();
  const auto r = c.ask(get("/fields", ask_echo));
  EXPECT_EQ(r.code, 101);
  EXPECT_EQ(r.header("X-One"), "1");
  EXPECT_EQ(c.rest(), "");
}

TEST_P(upgrades, one_that_reads_no_more_hears_of_a_reset_but_may_write_to_a_client_half_closed) {
  if (GetParam() != kind::tcp) return; // where the kernel can be asked
  int alive = 0;
  app.get("/mute", [&] {
    return ap::upgrade("mute", [&](ap::any_stream stream) -> asio::awaitable<void> {
      struct leave {
        int& n;
        ~leave() { --n; }
      } const here{++alive};
      char room[10];
      co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
      co_await asio::async_write(stream, asio::buffer("hello", 5), asio::use_awaitable);
      co_await ap::sleep_for(1min);
      co_await asio::async_write(stream, asio::buffer("still here", 10), asio::use_awaitable);
    });
  });
  auto& half = s.client();
  auto& gone = s.client();
  for (auto* c : {&half, &gone}) EXPECT_EQ(c->ask(get("/mute", ask_echo)).code, 101);
  half.send("x");
  EXPECT_EQ(half.read(5), "hello");
  half.finish();
  gone.hold();
  gone.send("x");
  for (int i = 0; i < 20; ++i) s.settle();
  gone.close(); // with bytes that it has not read: a reset
  EXPECT_EQ(alive, 2);
  s.advance(1200ms);
  EXPECT_EQ(alive, 1);
  s.advance(1min);
  EXPECT_EQ(half.rest(), "still here");
}

TEST_P(upgrades, behind_a_body_that_was_collected) {
  app.post("/echo", [](ap::request& req) {
    return ap::upgrade("echo", [text = req.take_body()](ap::any_stream stream) -> asio::awaitable<void> {
      co_await asio::async_write(stream, asio::buffer(text), asio::use_awaitable);
    });
  });
  auto& c = s.client();
  c.send(post("/echo", "the body", ask_echo));
  EXPECT_EQ(c.next().code, 101);
  EXPECT_EQ(c.rest(), "the body");
}
ANTIPHON_OVER_STREAMS(upgrades);

} // namespace
