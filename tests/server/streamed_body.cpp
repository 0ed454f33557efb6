// SPDX-License-Identifier: BSL-1.0
// Bodies that their handlers read as they come, over each kind of stream.
#include "support/server_harness.hpp"

#include <antiphon/core/pipe.hpp>
#include <antiphon/http/body_reader.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon_tests {
namespace {

constexpr ap::route_options streamed{.max_body = 1'000'000, .streamed = true};

/// Reads all of it, and answers with what came.
asio::awaitable<ap::response> echo(ap::request& req) {
  std::string all;
  while (true) {
    const std::string_view piece = co_await req.read_some();
    if (piece.empty()) break;
    all += piece;
  }
  co_return all;
}

class streamed_body : public over_streams {
 protected:
  void SetUp() override { app.post("/", echo, streamed); }
  std::string pattern(std::size_t n) {
    std::string made(n, ' ');
    for (std::size_t i = 0; i < n; ++i) made[i] = static_cast<char>('a' + i % 23);
    return made;
  }
};
ANTIPHON_OVER_STREAMS(streamed_body);

TEST_P(streamed_body, comes_with_its_head_or_later) {
  EXPECT_EQ(s.ask(post("/", "hello")).body, "hello");
  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 6\r\n"));
  s.settle();
  EXPECT_EQ(c.now(), "");
  c.send("abc");
  s.settle();
  EXPECT_EQ(c.now(), "");
  EXPECT_EQ(c.ask("def").body, "abcdef");
  EXPECT_EQ(c.ask(chunked("/", {"one", "two"})).body, "onetwo");
  EXPECT_EQ(c.ask(post("/", "")).body, "");
  EXPECT_EQ(c.ask(get("/x")).code, 404); // and the connection goes on
}

TEST_P(streamed_body, comes_byte_by_byte) {
  auto& c = s.client();
  const std::string all = chunked("/", {"ab", "c"}, "Trailer: X-Sum\r\n") + post("/", "second");
  for (const char b : all) c.send({&b, 1});
  EXPECT_EQ(c.next().body, "abc");
  EXPECT_EQ(c.next().body, "second");
}

TEST_P(streamed_body, may_be_large_and_pipelined) {
  const std::string large = pattern(700'000);
  auto& c = s.client();
  std::string sent = post("/", large);
  sent += post("/", "after");
  c.send(sent);
  EXPECT_EQ(c.next().body, large);
  EXPECT_EQ(c.next().body, "after");
}

TEST_P(streamed_body, waits_in_the_kernel_while_the_handler_is_busy) {
  app.post(
      "/slow",
      [](ap::request& req) -> asio::awaitable<ap::response> {
        std::size_t pieces = 0;
        while (!(co_await req.read_some()).empty()) {
          ++pieces;
          co_await ap::sleep_for(1s);
        }
        co_return std::to_string(pieces);
      },
      ap::route_options{.max_body = 1u << 30, .streamed = true});
  auto& c = s.client();
  c.send(head_of("POST", "/slow", "Content-Length: 50000000\r\n"));
  std::size_t taken = 0;
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) {
    const std::size_t n = c.put(piece);
    taken += n;
    s.settle();
  }
  EXPECT_LT(taken, 20u << 20) << "more than buffers hold was read from the client";
  c.close(); // the kernel holds a FIN back behind what is not taken
  s.advance(1h);
  EXPECT_EQ(s.open(), 0u);
}

TEST_P(streamed_body, over_the_limit_is_refused_before_it_is_asked_for) {
  auto& c = s.client();
  const auto r = c.ask(head_of("POST", "/", "Content-Length: 1000001\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(r.code, 413);
  EXPECT_EQ(r.header("connection"), "close");
  EXPECT_TRUE(c.ended());
}

TEST_P(streamed_body, over_the_limit_in_chunks_ends_with_413) {
  app.post("/ten", echo, ap::route_options{.max_body = 10, .streamed = true});
  EXPECT_EQ(s.ask(chunked("/ten", {"0123456789"})).body, "0123456789");
  for (const std::size_t n : {11u, 1000u}) {
    auto c = s.connect();
    const auto r = c.ask(chunked("/ten", {std::string(n, 'x')}));
    EXPECT_EQ(r.code, 413) << n;
    EXPECT_TRUE(c.ended());
  }
  EXPECT_TRUE(s.errors.empty()) << "a client's mistake is no error of the program";
}

TEST_P(streamed_body, malformed_ends_with_400) {
  auto& c = s.client();
  EXPECT_EQ(c.ask(head_of("POST", "/", "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\nZ\r\n").code, 400);
  EXPECT_TRUE(c.ended());
}

TEST_P(streamed_body, continue_is_said_only_to_whoever_waits_and_when_the_handler_reads) {
  bool reads = false;
  app.post(
      "/later",
      [&](ap::request& req) -> asio::awaitable<ap::response> {
        if (req.has_header("x-no")) co_return ap::status::forbidden;
        co_await ap::sleep_for(1s);
        reads = true;
        co_return std::string(co_await req.read_some());
      },
      streamed);
  auto& c = s.client();
  c.send(head_of("POST", "/later", "Content-Length: 3\r\nExpect: 100-continue\r\n"));
  s.settle();
  EXPECT_EQ(c.now(), "");
  s.advance(1s);
  EXPECT_TRUE(reads);
  EXPECT_EQ(c.next().code, 100);
  EXPECT_EQ(c.ask("abc").body, "abc");
  // Sent without waiting: nobody is told.
  c.send(post("/later", "xyz", "Expect: 100-continue\r\n"));
  s.advance(1s);
  EXPECT_EQ(c.next().body, "xyz");
  // Refused: the client never sends it, so the connection cannot go on.
  const auto r = c.ask(head_of("POST", "/later", "Content-Length: 3\r\nExpect: 100-continue\r\nX-No: 1\r\n"));
  EXPECT_EQ(r.code, 403);
  EXPECT_EQ(r.header("connection"), "close");
  EXPECT_TRUE(c.ended());
}

TEST_P(streamed_body, that_is_not_read_is_dropped_if_it_is_short) {
  app.post(
      "/no", []() -> asio::awaitable<ap::response> { co_return ap::status::unauthorized; }, streamed);
  app.post(
      "/some",
      [](ap::request& req) -> asio::awaitable<ap::response> {
        const auto n = (co_await req.read_some()).size();
        co_return n != 0 ? "some" : "none";
      },
      streamed);
  auto& c = s.client();
  c.send(head_of("POST", "/no", "Content-Length: 6\r\n"));
  EXPECT_EQ(c.next().code, 401);
  c.send("abcdef");
  EXPECT_EQ(c.ask(post("/", "next")).body, "next");
  c.send(head_of("POST", "/some", "Content-Length: 6\r\n") + "abc");
  EXPECT_EQ(c.next().body, "some");
  c.send("def");
  EXPECT_EQ(c.ask(post("/", "next")).body, "next");
  // Too long to be waited for, or of unknown length.
  for (const auto* framing : {"Content-Length: 900000\r\n", "Transfer-Encoding: chunked\r\n"}) {
    auto other = s.connect();
    const auto r = other.ask(head_of("POST", "/no", framing));
    EXPECT_EQ(r.code, 401);
    EXPECT_EQ(r.header("connection"), "close");
    EXPECT_TRUE(other.ended());
  }
}

TEST_P(streamed_body, that_stops_coming_ends_with_408) {
  s.options.body_idle = 5s;
  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 6\r\n") + "abc");
  s.advance(4900ms);
  c.send("d");
  s.settle();
  s.advance(4900ms);
  EXPECT_EQ(c.now(), "");
  s.advance(300ms);
  EXPECT_EQ(c.next().code, 408);
  EXPECT_TRUE(c.ended());
}

TEST_P(streamed_body, that_comes_too_slowly_ends_with_408) {
  s.options.body_rate = 100;
  s.options.body_rate_grace = 2s;
  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 900\r\n"));
  int bytes = 0;
  while (bytes < 200 && c.now().empty()) {
    c.send("x");
    ++bytes;
    s.advance(100ms);
  }
  EXPECT_EQ(c.next().code, 408);
  EXPECT_GT(bytes, 15);
  EXPECT_LT(bytes, 60);
}

TEST_P(streamed_body, times_the_client_and_not_the_handler) {
  s.options.body_idle = 5s;
  s.options.body_rate = 100'000;
  app.post(
      "/busy",
      [](ap::request& req) -> asio::awaitable<ap::response> {
        std::string all;
        for (;;) {
          const auto piece = co_await req.read_some();
          if (piece.empty()) break;
          all += piece;
          co_await ap::sleep_for(60s);
        }
        co_return all;
      },
      streamed);
  auto& c = s.client();
  c.send(post("/busy", "abc"));
  s.advance(121s);
  EXPECT_EQ(c.next().body, "abc");
}

TEST_P(streamed_body, ends_with_its_client) {
  std::string what;
  app.post(
      "/tells",
      [&](ap::request& req) -> asio::awaitable<ap::response> {
        try {
          while (!(co_await req.read_some()).empty()) {}
        } catch (const ap::system_error& e) {
          what = e.code().message();
          throw;
        }
        co_return "whole";
      },
      streamed);
  auto& c = s.client();
  c.send(head_of("POST", "/tells", "Content-Length: 6\r\n") + "abc");
  s.settle();
  c.close();
  s.advance(2s);
  EXPECT_NE(what, "");
  EXPECT_EQ(s.open(), 0u);
  EXPECT_TRUE(s.errors.empty());
}

TEST_P(streamed_body, half_closed_in_the_middle_is_answered) {
  s.options.half_close = true;
  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 6\r\n") + "abc");
  s.settle();
  c.finish();
  EXPECT_EQ(c.next().code, 400);
  EXPECT_TRUE(c.ended());
}

TEST_P(streamed_body, may_be_read_no_more_after_a_timeout_of_the_route) {
  app.post("/short", echo, ap::route_options{.streamed = true, .timeout = 2s});
  auto& c = s.client();
  c.send(head_of("POST", "/short", "Content-Length: 6\r\n") + "abc");
  s.advance(2200ms);
  EXPECT_EQ(c.next().code, 503);
  EXPECT_EQ(c.ask("def" + post("/", "next")).body, "next");
}

class streamed_body_in_memory : public in_memory {};

TEST_F(streamed_body_in_memory, trailers_are_there_when_all_was_read) {
  app.post(
      "/",
      [](ap::request& req) -> asio::awaitable<ap::response> {
        EXPECT_EQ(req.trailers().get("x-sum"), std::nullopt);
        while (!(co_await req.read_some()).empty()) {}
        co_return std::string(req.trailers().get("x-sum").value_or("none"));
      },
      streamed);
  app.post("/collected", [](ap::request& req) { return std::string(req.trailers().get("x-sum").value_or("none")); });
  for (const auto* path : {"/", "/collected"}) {
    auto& c = s.client();
    c.send(head_of("POST", path, "Transfer-Encoding: chunked\r\n") + "1\r\nx\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n");
    EXPECT_EQ(c.next().body, "7");
    EXPECT_EQ(c.ask(post(path, "x")).body, "none") << "of an earlier request";
  }
}

TEST_F(streamed_body_in_memory, a_collected_body_is_read_alike) {
  app.post("/", echo);
  EXPECT_EQ(s.ask(post("/", "hello")).body, "hello");
  EXPECT_EQ(s.ask(post("/", "")).body, "");
}

TEST(streamed_body_that_is_there_at_once, gives_way_to_others) {
  served s(kind::memory, 4'000'000);
  std::size_t others = 0;
  s.app.post(
      "/",
      [&](ap::request& req) -> asio::awaitable<ap::response> {
        std::size_t n = 0;
        asio::post(req.executor(), [&] { ++others; });
        for (;;) {
          const auto piece = co_await req.read_some();
          if (piece.empty()) break;
          n += piece.size();
          EXPECT_TRUE(n <= 1'500'000 || others != 0);
        }
        co_return std::to_string(n);
      },
      ap::route_options{.max_body = 4'000'000, .streamed = true});
  EXPECT_EQ(s.ask(post("/", std::string(3'000'000, 'x'))).body, "3000000");
  s.finish();
}

TEST_F(streamed_body_in_memory, a_failure_at_every_operation_leaves_nothing) {
  const auto runs = ap::testing::for_each_failure([](const ap::testing::fail_after& failure) {
    served t(kind::memory, 512);
    t.failure = failure;
    t.app.post("/", echo, streamed);
    auto& c = t.client();
    c.send(chunked("/", {"abc", std::string(2000, 'x')}));
    const auto r = c.next();
    c.send(head_of("POST", "/", "Content-Length: 3\r\nExpect: 100-continue\r\n"));
    c.next();
    const auto second = c.ask("abc");
    if (!failure.failed()) {
      EXPECT_EQ(r.body, "abc" + std::string(2000, 'x'));
      EXPECT_EQ(second.body, "abc");
    }
    EXPECT_TRUE(t.errors.empty());
    t.finish();
  });
  EXPECT_GT(runs, 5u);
}

TEST_F(streamed_body_in_memory, is_a_source) {
  struct collector {
    std::string all;
    std::size_t times = 0;
    asio::awaitable<void> async_send(std::string piece, asio::use_awaitable_t<>) {
      all += piece;
      ++times;
      co_return;
    }
  };
  const auto pipes = [](ap::request& req) -> asio::awaitable<ap::response> {
    ap::body_reader from(req);
    collector to;
    co_await ap::pipe(from, to);
    co_return to.all + " in " + std::to_string(to.times);
  };
  app.post("/", pipes, streamed);
  app.post("/collected", pipes);
  auto& c = s.client();
  c.send(head_of("POST", "/", "Content-Length: 6\r\n") + "abc");
  s.settle();
  EXPECT_EQ(c.ask("def").body, "abcdef in 2");
  EXPECT_EQ(c.ask(post("/", "")).body, " in 0");
  EXPECT_EQ(c.ask(post("/collected", "abcdef")).body, "abcdef in 1");
}

TEST_F(streamed_body_in_memory, a_response_may_have_trailers) {
  app.get("/", [] {
    auto body = [](ap::body_writer& out) -> asio::awaitable<void> {
      co_await out.write("abc");
      EXPECT_THROW(out.trailers(ap::http::fields{{"Content-Length", "3"}}), std::invalid_argument);
      out.trailers(ap::http::fields{{"X-Sum", "7"}});
    };
    return ap::stream_body(body).set("Trailer", "X-Sum");
  });
  auto& c = s.client();
  c.send(get("/"));
  s.settle();
  EXPECT_TRUE(c.now().ends_with("3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n")) << c.now();
  auto old = s.connect();
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.rest().ends_with("\r\n\r\nabc"));
}

TEST_F(streamed_body_in_memory, wants_a_coroutine) {
  EXPECT_THROW(app.post(
                   "/", [] { return "x"; }, streamed),
               std::invalid_argument);
}

TEST_F(streamed_body_in_memory, a_layer_that_refuses_comes_before_the_body) {
  struct refuse {
    std::optional<ap::response> before(ap::request&) { return ap::response(ap::status::unauthorized); }
  };
  app.use(refuse());
  app.post("/", echo, streamed);
  auto& c = s.client();
  const auto r = c.ask(head_of("POST", "/", "Content-Length: 900000\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(r.code, 401);
  EXPECT_TRUE(c.ended());
}

} // namespace
} // namespace antiphon_tests
