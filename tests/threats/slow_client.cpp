// SPDX-License-Identifier: BSL-1.0
// Threat suite: clients that take their time. The server's limits are set small; its wheel turns every 100 ms.
#include "../support/threat_app.hpp"

#include <gtest/gtest.h>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

class slow_client : public testing::Test {
 protected:
  slow_client() { t::add_threat_routes(app, counts); }

  /// Sends byte after byte, one every 5 ms, until the other end closes or answers: how many were sent.
  static std::size_t drip(t::raw_client& client, std::string_view bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size() && !client.receive(5ms) && client.ended() == t::raw_client::end::open)
      if (!client.send(bytes.substr(sent++, 1))) break;
    return sent;
  }
  static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

  t::threat_counts counts;
  ap::router app;
};

TEST_F(slow_client, that_is_only_slow_is_served) {
  t::live_server server(app);
  auto client = server.client();
  for (const auto& request : {t::get("/"), t::post("/post", "hello"), t::get("/soon")}) {
    EXPECT_EQ(drip(client, request), request.size());
    EXPECT_EQ(client.response().status, 200);
  }
}

TEST_F(slow_client, with_an_endless_head_gets_408) {
  t::live_server server(app, {.head_time = 300ms});
  auto client = server.client();
  const auto began = now();
  const auto sent = drip(client, t::get("/", "X: " + std::string(8000, 'a') + "\r\n"));
  EXPECT_LT(sent, 1000U);
  const auto answer = client.response();
  EXPECT_EQ(answer.status, 408); // the bytes that come do not buy it more time
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_GE(now() - began, 290ms);
  EXPECT_TRUE(client.closes());
  EXPECT_TRUE(server.empties());
  EXPECT_EQ(counts.requests, 0);
}

TEST_F(slow_client, that_stops_in_a_head_gets_408) {
  t::live_server server(app, {.head_time = 200ms});
  for (const char* part : {"G", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"}) {
    auto client = server.client();
    ASSERT_TRUE(client.send(part));
    EXPECT_EQ(client.response().status, 408) << part;
    EXPECT_TRUE(client.closes()) << part;
  }
}

TEST_F(slow_client, that_sends_nothing_is_closed_without_a_word) {
  t::live_server server(app, {.head_time = 200ms});
  auto client = server.client();
  EXPECT_TRUE(client.closes());
  EXPECT_EQ(client.ended(), t::raw_client::end::eof);
}

TEST_F(slow_client, that_sends_nothing_more_is_closed_when_the_keep_alive_time_is_over) {
  t::live_server server(app, {.keep_alive = 200ms});
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/")));
  EXPECT_EQ(client.response().status, 200);
  const auto began = now();
  EXPECT_TRUE(client.closes());
  EXPECT_GE(now() - began, 150ms);
  EXPECT_EQ(client.ended(), t::raw_client::end::eof);
}

TEST_F(slow_client, that_stops_in_the_second_head_gets_408) {
  t::live_server server(app, {.head_time = 200ms});
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/") + "GET / HT"));
  EXPECT_EQ(client.response().status, 200);
  EXPECT_EQ(client.response().status, 408);
  EXPECT_TRUE(client.closes());
}

TEST_F(slow_client, that_stops_in_a_body_gets_408) {
  t::live_server server(app, {.body_idle = 200ms});
  for (const char* part :
       {"Content-Length: 5\r\n\r\n", "Content-Length: 5\r\n\r\nhel", "Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"}) {
    auto client = server.client();
    ASSERT_TRUE(client.send(std::string("POST /post HTTP/1.1\r\nHost: a\r\n") + part));
    EXPECT_EQ(client.response().status, 408) << part;
    EXPECT_TRUE(client.closes()) << part;
  }
  EXPECT_EQ(counts.requests, 0);
}

TEST_F(slow_client, that_stops_in_a_body_nobody_wants_is_closed) {
  t::live_server server(app, {.body_idle = 200ms});
  auto client = server.client();
  ASSERT_TRUE(client.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhel"));
  EXPECT_EQ(client.response().status, 404);
  EXPECT_TRUE(client.closes());
}

TEST_F(slow_client, below_the_body_rate_gets_408) {
  t::live_server server(app, {.body_rate = 100'000, .body_rate_grace = 300ms});
  auto client = server.client();
  const auto sent = drip(client, t::post("/post", std::string(5000, 'b')));
  EXPECT_LT(sent, 3000U);
  EXPECT_EQ(client.response().status, 408);
  EXPECT_TRUE(client.closes());
}

TEST_F(slow_client, above_the_body_rate_is_served) {
  t::live_server server(app, {.body_idle = 2s, .body_rate = 20, .body_rate_grace = 300ms});
  auto client = server.client();
  const auto request = t::post("/post", std::string(150, 'b'));
  EXPECT_EQ(drip(client, request), request.size());
  EXPECT_EQ(client.response().body, "150");
}

TEST_F(slow_client, that_never_reads_is_cut) {
  for (const char* path : {"/big", "/flood", "/gush", "/hints"}) {
    t::threat_counts mine;
    ap::router routes;
    t::add_threat_routes(routes, mine);
    t::live_server server(routes, {.write_stall = 300ms});
    auto client = server.client(4096);
    std::string requests;
    for (int i = 0; i < 40; ++i) requests += t::get(path); // more than the kernel holds
    ASSERT_TRUE(client.send(requests));
    ASSERT_TRUE(t::eventually([&] { return mine.requests > 0; })) << path;
    EXPECT_TRUE(server.empties()) << path;
    EXPECT_EQ(mine.handlers.now() + mine.flows.now() + mine.bodies.now(), 0) << path;
  }
}

TEST_F(slow_client, that_reads_now_and_then_is_not_cut) {
  t::live_server server(app, {.write_stall = 500ms});
  auto client = server.client(4096);
  ASSERT_TRUE(client.send(t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big")));
  // A stall is no progress at all: this takes far longer than one.
  for (int i = 0; i < 40; ++i) {
    ::poll(nullptr, 0, 25);
    ASSERT_TRUE(client.receive());
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.response().body.size(), 300'000U);
}

TEST_F(slow_client, that_lingers_after_a_refusal_is_closed) {
  t::live_server server(app, {.linger = 200ms});
  auto client = server.client();
  ASSERT_TRUE(client.send("BAD\r\n\r\n"));
  EXPECT_EQ(client.response().status, 400);
  EXPECT_TRUE(client.closes());
  EXPECT_EQ(client.ended(), t::raw_client::end::eof);
  EXPECT_TRUE(server.empties()); // though the client has not closed
}

TEST_F(slow_client, a_handler_s_time_holds_though_earlier_answers_are_not_read) {
  app.get("/limited",
          [c = &counts](ap::request&) -> asio::awaitable<ap::response> {
            const t::census::one alive(c->handlers);
            co_await ap::sleep_for(1h);
            co_return "never";
          },
          {.timeout = 300ms});
  app.get("/huge", [] { return ap::text(std::string(20'000'000, 'h')); });
  t::live_server server(app);
  auto client = server.client(4096);
  ASSERT_TRUE(client.send(t::get("/huge") + t::get("/limited")));
  EXPECT_EQ(client.response().body.size(), 20'000'000U);
  EXPECT_EQ(client.response().status, 503);
  EXPECT_TRUE(counts.handlers.empties());
}

TEST_F(slow_client, a_handler_that_takes_too_long_is_cancelled) {
  app.get("/limited",
          [c = &counts](ap::request&) -> asio::awaitable<ap::response> {
            const t::census::one alive(c->handlers);
            co_await ap::sleep_for(1h);
            co_return "never";
          },
          {.timeout = 100ms});
  app.get("/limited-deaf",
          [c = &counts](ap::request&) -> asio::awaitable<ap::response> {
            const t::census::one alive(c->handlers);
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            co_await ap::sleep_for(1s);
            co_return "late";
          },
          {.timeout = 100ms});
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/limited") + t::get("/")));
  EXPECT_EQ(client.response().status, 503);
  EXPECT_EQ(client.response().body, "hello"); // the connection lives
  ASSERT_TRUE(client.send(t::get("/limited-deaf") + t::get("/")));
  const auto answer = client.response();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_EQ(counts.handlers.now(), 1);
  EXPECT_TRUE(client.closes());
  EXPECT_TRUE(counts.handlers.empties());
  EXPECT_TRUE(server.empties());
}

// One client that reads as fast as it is written to must not keep the server from the others.
TEST_F(slow_client, is_not_starved_by_a_fast_one) {
  for (const char* path : {"/gush", "/flood", "/hints"}) {
    t::live_server server(app);
    std::atomic<bool> stop{false};
    std::thread reader([&, port = server.port()] {
      t::raw_client fast(port);
      fast.send(t::get(path));
      while (!stop && fast.receive()) fast.input().clear();
    });
    ASSERT_TRUE(t::eventually([&] { return server.open() == 1; }));
    for (int i = 0; i < 10; ++i) {
      auto other = server.client();
      ASSERT_TRUE(other.send(t::get("/")));
      EXPECT_EQ(other.response().body, "hello") << path;
    }
    stop = true;
    server.cut();
    reader.join();
  }
}

} // namespace
