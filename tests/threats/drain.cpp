// SPDX-License-Identifier: BSL-1.0
// Threat suite: a server that is told to stop, with clients in every state.
#include "../support/threat_app.hpp"

#include <antiphon/testing/virtual_time.hpp>

#include <gtest/gtest.h>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

class drain : public testing::Test {
 protected:
  drain() { t::add_threat_routes(app, counts); }

  t::threat_counts counts;
  ap::router app;
};

TEST_F(drain, ends_at_once_where_nothing_is_open) {
  t::live_server server(app);
  server.drain();
  EXPECT_TRUE(server.ends());
  EXPECT_FALSE(server.result());
}

TEST_F(drain, closes_idle_connections_and_lets_no_one_in) {
  t::live_server server(app);
  auto fresh = server.client();
  auto used = server.client();
  ASSERT_TRUE(used.send(t::get("/")));
  EXPECT_EQ(used.status(), 200);
  ASSERT_TRUE(t::eventually([&] { return server.open() == 2; }));
  auto busy = server.client();
  ASSERT_TRUE(busy.send(t::get("/sleep")));
  ASSERT_TRUE(counts.handlers.reaches(1));
  server.drain();
  EXPECT_TRUE(fresh.closes());
  EXPECT_TRUE(used.closes());
  EXPECT_EQ(fresh.ended(), t::raw_client::end::eof);
  EXPECT_EQ(used.ended(), t::raw_client::end::eof);
  EXPECT_FALSE(server.client().connected());
  EXPECT_FALSE(server.over()); // the handler runs
  busy.close();
  EXPECT_TRUE(server.ends());
  EXPECT_FALSE(server.result());
}

TEST_F(drain, lets_a_running_handler_answer) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/deaf/300")));
  ASSERT_TRUE(counts.handlers.reaches(1));
  server.drain();
  const auto answer = client.response();
  EXPECT_EQ(answer.body, "did not hear");
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_TRUE(client.closes());
  EXPECT_TRUE(server.ends());
  EXPECT_FALSE(server.result());
}

TEST_F(drain, lets_a_request_that_is_half_here_come) {
  t::live_server server(app);
  auto head = server.client();
  auto body = server.client();
  ASSERT_TRUE(head.send("GET / HTTP/1.1\r\nHo"));
  ASSERT_TRUE(body.send("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"));
  auto last = server.client(); // accepted behind them, so they were read
  ASSERT_TRUE(last.send(t::get("/")));
  EXPECT_EQ(last.status(), 200);
  server.drain();
  EXPECT_TRUE(last.closes());
  ASSERT_TRUE(head.send("st: a\r\n\r\n"));
  ASSERT_TRUE(body.send("cde"));
  const auto first = head.response();
  EXPECT_EQ(first.body, "hello");
  EXPECT_EQ(first.field("Connection"), "close");
  EXPECT_EQ(body.response().body, "5");
  EXPECT_TRUE(head.closes());
  EXPECT_TRUE(body.closes());
  EXPECT_TRUE(server.ends());
}

TEST_F(drain, tells_flows) {
  t::live_server server(app, {.drain = 2s});
  auto streams = server.client();
  auto held = server.client();
  ASSERT_TRUE(streams.send(t::get("/flow")));
  ASSERT_TRUE(held.send(t::get("/held")));
  ASSERT_TRUE(counts.flows.reaches(2));
  ASSERT_TRUE(streams.read_until("0\n"));
  server.drain();
  const auto stream = streams.response();
  EXPECT_TRUE(stream.whole);
  EXPECT_TRUE(stream.body.ends_with("bye\n"));
  EXPECT_EQ(held.response().body, "come back later");
  EXPECT_TRUE(streams.closes());
  EXPECT_TRUE(held.closes());
  EXPECT_TRUE(server.ends());
  EXPECT_FALSE(server.result());
  EXPECT_EQ(counts.drained, 2);
}

TEST_F(drain, tells_bodies_and_upgrades) {
  t::live_server server(app, {.drain = 2s});
  auto body = server.client();
  auto talk = server.client();
  ASSERT_TRUE(body.send(t::get("/body")));
  ASSERT_TRUE(talk.send(t::get("/talk", t::upgrade_lines)));
  EXPECT_EQ(talk.status(), 101);
  ASSERT_TRUE(counts.bodies.reaches(1));
  server.drain();
  const auto answer = body.response();
  EXPECT_TRUE(answer.whole);
  EXPECT_TRUE(answer.body.ends_with("bye\n"));
  EXPECT_EQ(talk.read_to_end(), "bye\n");
  talk.close();
  EXPECT_TRUE(server.ends());
  EXPECT_FALSE(server.result());
  EXPECT_EQ(counts.drained, 2);
}

TEST_F(drain, cuts_what_is_not_over_at_its_deadline) {
  for (const auto& request :
       {t::get("/sleep"), t::get("/spawn"), t::get("/race"), t::get("/hints"), t::get("/stubborn"), t::get("/gush"),
        t::get("/mute", t::upgrade_lines), std::string("GET / HTTP/1.1\r\nHo"),
        std::string("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")}) {
    SCOPED_TRACE(request);
    t::threat_counts mine;
    ap::router routes;
    t::add_threat_routes(routes, mine);
    t::live_server server(routes, {.drain = 200ms});
    auto client = server.client(4096);
    ASSERT_TRUE(client.send(request));
    ASSERT_TRUE(t::eventually([&] { return server.open() == 1; }));
    if (request.starts_with("GET /") && !request.starts_with("GET / ")) {
      ASSERT_TRUE(t::eventually([&] { return mine.requests == 1; }));
    }
    server.drain();
    EXPECT_TRUE(server.ends());
    EXPECT_FALSE(server.result());
    EXPECT_EQ(mine.handlers.now() + mine.flows.now() + mine.bodies.now() + mine.upgrades.now(), 0);
    EXPECT_EQ(server.open(), 0U);
  }
}

TEST_F(drain, twice_cuts_at_once) {
  t::live_server server(app, {.drain = 1h});
  auto sleeps = server.client();
  auto mute = server.client();
  ASSERT_TRUE(sleeps.send(t::get("/sleep")));
  ASSERT_TRUE(mute.send(t::get("/mute", t::upgrade_lines)));
  ASSERT_TRUE(counts.handlers.reaches(1));
  ASSERT_TRUE(counts.upgrades.reaches(1));
  server.drain();
  EXPECT_FALSE(server.over());
  server.drain();
  EXPECT_TRUE(server.ends());
  EXPECT_FALSE(server.result());
  EXPECT_EQ(counts.handlers.now() + counts.upgrades.now(), 0);
}

TEST_F(drain, ends_only_when_the_last_handler_has) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/deaf/300")));
  ASSERT_TRUE(counts.handlers.reaches(1));
  server.cut();
  EXPECT_TRUE(client.closes());
  EXPECT_TRUE(server.ends());
  EXPECT_EQ(counts.handlers.now(), 0); // before it said so
  EXPECT_FALSE(server.result());
}

// An answer that was whole before the drain, but not yet read: the connection is no reason to wait.
TEST_F(drain, closes_behind_an_answer_that_was_under_way) {
  t::live_server server(app);
  auto client = server.client(4096);
  ASSERT_TRUE(client.send(t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") +
                          t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") +
                          t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") +
                          t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big") + t::get("/big")));
  ASSERT_TRUE(t::eventually([&] { return counts.requests > 0; }));
  auto other = server.client();
  ASSERT_TRUE(other.send(t::get("/")));
  EXPECT_EQ(other.status(), 200);
  server.drain();
  EXPECT_TRUE(other.closes());
  int whole = 0;
  for (auto answer = client.response(); answer.whole; answer = client.response()) ++whole;
  EXPECT_GT(whole, 0);
  EXPECT_NE(client.ended(), t::raw_client::end::open);
  EXPECT_TRUE(server.ends());
}

TEST_F(drain, closes_behind_a_body_that_was_skipped) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"));
  EXPECT_EQ(client.status(), 404);
  server.drain();
  auto other = server.client();
  ASSERT_TRUE(client.send(std::string(97, 'x')));
  EXPECT_TRUE(client.closes());
  EXPECT_TRUE(server.ends());
}

/// A server in virtual time, driven by the test's thread.
class drain_in_virtual_time : public drain {
 protected:
  drain_in_virtual_time() {
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    port = acceptor.local_endpoint().port();
    ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(signal.slot(), [this](ap::error_code ec) {
                      over = true;
                      result = ec;
                    }));
  }
  template <class F>
  bool until(F done) {
    return t::eventually([&] {
      time.settle();
      return done();
    });
  }

  asio::io_context io{1};
  antiphon::testing::virtual_time time{io};
  asio::cancellation_signal signal;
  std::uint16_t port = 0;
  bool over = false;
  ap::error_code result;
};

TEST_F(drain_in_virtual_time, names_a_handler_that_ignores_its_cancellation) {
  t::raw_client client(port);
  ASSERT_TRUE(client.send(t::get("/deaf/3600000")));
  ASSERT_TRUE(until([&] { return counts.handlers.now() == 1; }));
  signal.emit(asio::cancellation_type::partial);
  time.advance(9900ms);
  EXPECT_TRUE(client.stays_quiet(1ms)); // it has until the deadline
  time.advance(100ms);
  EXPECT_TRUE(client.closes());
  time.advance(4800ms);
  EXPECT_FALSE(over);
  testing::internal::CaptureStderr();
  time.advance(300ms);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(over);
  EXPECT_EQ(result, ap::error::handlers_still_running);
  EXPECT_NE(log.find("/deaf/{ms}"), std::string::npos) << log;
  EXPECT_EQ(counts.handlers.now(), 1);
  time.advance(1h); // it ends after all, and its connection with it
  EXPECT_EQ(counts.handlers.now(), 0);
  EXPECT_EQ(app.counts().open, 0U);
}

TEST_F(drain_in_virtual_time, spreads_the_news_over_the_time_there_is) {
  std::vector<t::raw_client> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(port);
    ASSERT_TRUE(clients.back().send(t::get("/held")));
  }
  ASSERT_TRUE(until([&] { return counts.flows.now() == 10; }));
  signal.emit(asio::cancellation_type::partial);
  time.settle();
  EXPECT_GE(counts.drained, 1);
  EXPECT_LE(counts.drained, 2);
  time.advance(4s);
  EXPECT_GE(counts.drained, 4);
  EXPECT_LE(counts.drained, 7);
  time.advance(5s);
  EXPECT_EQ(counts.drained, 10);
  EXPECT_TRUE(until([&] { return over; }));
  EXPECT_FALSE(result);
}

} // namespace
