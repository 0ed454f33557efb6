// SPDX-License-Identifier: BSL-1.0
// Threat suite: clients that disappear, in every state of an exchange.
#include "../support/threat_app.hpp"

#include <gtest/gtest.h>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

enum class way : int { fin, rst };

class peer_gone : public testing::TestWithParam<way> {
 protected:
  peer_gone() { t::add_threat_routes(app, counts); }

  void leave(t::raw_client& client) const {
    if (GetParam() == way::fin) {
      client.close();
    } else {
      client.reset();
    }
  }

  t::threat_counts counts;
  ap::router app;
};

INSTANTIATE_TEST_SUITE_P(ways, peer_gone, testing::Values(way::fin, way::rst),
                         [](const auto& test) { return test.param == way::fin ? "fin" : "rst"; });

TEST_P(peer_gone, cancels_a_sleeping_handler) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/sleep")));
  ASSERT_TRUE(counts.handlers.reaches(1));
  leave(client);
  EXPECT_TRUE(counts.handlers.empties());
  EXPECT_TRUE(server.empties());
  EXPECT_EQ(counts.cancelled, 1);
  EXPECT_EQ(server.app().counts().handling, 0U);
}

TEST_P(peer_gone, cancels_a_handler_that_waits_for_another_coroutine) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/spawn")));
  ASSERT_TRUE(counts.handlers.reaches(2));
  leave(client);
  EXPECT_TRUE(counts.handlers.empties());
  EXPECT_TRUE(server.empties());
  EXPECT_EQ(counts.cancelled, 1);
}

TEST_P(peer_gone, waits_for_a_handler_that_ignores_it) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/deaf/300")));
  ASSERT_TRUE(counts.handlers.reaches(1));
  leave(client);
  EXPECT_TRUE(counts.handlers.empties());
  EXPECT_TRUE(server.empties());
}

TEST_P(peer_gone, destroys_the_answer_that_a_deaf_handler_made) {
  app.get("/late", [c = &counts](ap::request&) -> asio::awaitable<ap::response> {
    const t::census::one alive(c->handlers);
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await ap::sleep_for(200ms);
    co_return ap::response(std::make_unique<t::held_flow>(*c));
  });
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/late")));
  ASSERT_TRUE(counts.handlers.reaches(1));
  leave(client);
  EXPECT_TRUE(server.empties());
  EXPECT_EQ(counts.flows.ever(), 1);
  EXPECT_TRUE(counts.flows.empties()) << "kept alive in a pool";
}

TEST_P(peer_gone, ends_flows) {
  for (const char* path : {"/flow", "/held", "/flood", "/stubborn"}) {
    t::threat_counts mine;
    ap::router routes;
    t::add_threat_routes(routes, mine);
    t::live_server server(routes);
    auto client = server.client(4096);
    ASSERT_TRUE(client.send(t::get(path)));
    ASSERT_TRUE(mine.flows.reaches(1)) << path;
    leave(client);
    EXPECT_TRUE(mine.flows.empties()) << path;
    EXPECT_TRUE(server.empties()) << path;
    EXPECT_EQ(server.app().counts().answering, 0U) << path;
  }
}

TEST_P(peer_gone, cancels_bodies) {
  for (const char* path : {"/body", "/gush"}) {
    t::threat_counts mine;
    ap::router routes;
    t::add_threat_routes(routes, mine);
    t::live_server server(routes);
    auto client = server.client(4096);
    ASSERT_TRUE(client.send(t::get(path)));
    ASSERT_TRUE(client.read_until("\r\n\r\n"));
    ASSERT_TRUE(mine.bodies.reaches(1)) << path;
    leave(client);
    EXPECT_TRUE(mine.bodies.empties()) << path;
    EXPECT_TRUE(server.empties()) << path;
    EXPECT_EQ(server.app().counts().answering, 0U) << path;
  }
}

TEST_P(peer_gone, ends_upgrades_that_read) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/talk", t::upgrade_lines)));
  EXPECT_EQ(client.status(), 101);
  ASSERT_TRUE(client.send("over here"));
  ASSERT_TRUE(client.read_until("over here"));
  leave(client);
  EXPECT_TRUE(counts.upgrades.empties());
  EXPECT_TRUE(server.empties());
}

TEST_P(peer_gone, forgets_a_half_read_body) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"));
  ASSERT_TRUE(t::eventually([&] { return server.open() == 1; }));
  leave(client);
  EXPECT_TRUE(server.empties());
  EXPECT_EQ(counts.requests, 0);
}

TEST_P(peer_gone, forgets_a_half_read_head) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send("GET /sleep HTTP/1.1\r\nHo"));
  ASSERT_TRUE(t::eventually([&] { return server.open() == 1; }));
  leave(client);
  EXPECT_TRUE(server.empties());
  EXPECT_EQ(counts.requests, 0);
}

TEST_P(peer_gone, is_seen_with_a_pipelined_request_behind_a_parked_one) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/") + t::get("/sleep") + t::get("/") + t::get("/")));
  ASSERT_TRUE(counts.handlers.reaches(1));
  EXPECT_EQ(client.status(), 200); // those before it are answered
  leave(client);
  EXPECT_TRUE(counts.handlers.empties());
  EXPECT_TRUE(server.empties());
  EXPECT_EQ(counts.requests, 2);
}

// Nothing is read then that would say so.
TEST_P(peer_gone, is_seen_behind_more_than_is_read_ahead) {
  for (const char* path : {"/sleep", "/held"}) {
    t::threat_counts mine;
    ap::router routes;
    t::add_threat_routes(routes, mine);
    t::live_server server(routes);
    auto client = server.client();
    ASSERT_TRUE(client.send(t::get(path)));
    ASSERT_TRUE(t::eventually([&] { return mine.handlers.now() + mine.flows.now() == 1; })) << path;
    std::string behind;
    while (behind.size() < 100 * 1024) behind += t::get("/");
    ASSERT_TRUE(client.send(behind));
    leave(client);
    EXPECT_TRUE(mine.handlers.empties()) << path;
    EXPECT_TRUE(mine.flows.empties()) << path;
    EXPECT_TRUE(server.empties()) << path;
    EXPECT_EQ(mine.requests, 1) << path;
  }
}

TEST_P(peer_gone, is_seen_behind_an_answer_that_was_not_read) {
  t::live_server server(app);
  auto client = server.client(4096);
  std::string all;
  for (int i = 0; i < 40; ++i) all += t::get("/big");
  ASSERT_TRUE(client.send(all));
  ASSERT_TRUE(t::eventually([&] { return counts.requests > 0; }));
  leave(client);
  EXPECT_TRUE(server.empties());
}

TEST_P(peer_gone, ends_an_interim_response_that_is_not_read) {
  t::live_server server(app);
  auto client = server.client(4096);
  ASSERT_TRUE(client.send(t::get("/hints")));
  ASSERT_TRUE(client.read_until("HTTP/1.1 103 Early Hints\r\n"));
  leave(client);
  EXPECT_TRUE(counts.handlers.empties());
  EXPECT_TRUE(server.empties());
}

class half_closed : public testing::Test {
 protected:
  half_closed() { t::add_threat_routes(app, counts); }

  t::threat_counts counts;
  ap::router app;
};

TEST_F(half_closed, gets_answers_that_are_ready) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/") + t::get("/big") + t::post("/post", "12345")));
  client.finish_sending();
  EXPECT_EQ(client.response().body, "hello");
  EXPECT_EQ(client.response().body.size(), 300'000U);
  EXPECT_EQ(client.response().body, "5");
  EXPECT_TRUE(client.closes());
  EXPECT_EQ(client.ended(), t::raw_client::end::eof);
  EXPECT_TRUE(server.empties());
}

TEST_F(half_closed, is_gone_for_a_waiting_handler) {
  t::live_server server(app);
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/sleep")));
  client.finish_sending();
  EXPECT_TRUE(client.closes());
  EXPECT_TRUE(counts.handlers.empties());
  EXPECT_TRUE(server.empties());
}

TEST_F(half_closed, is_answered_by_a_waiting_handler_where_that_is_asked_for) {
  t::live_server server(app, {.half_close = true});
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/soon") + t::get("/soon") + t::get("/")));
  client.finish_sending();
  EXPECT_EQ(client.response().body, "soon");
  EXPECT_EQ(client.response().body, "soon");
  EXPECT_EQ(client.response().body, "hello");
  EXPECT_TRUE(client.closes()); // and not only when the keep-alive time is over
  EXPECT_TRUE(server.empties());
}

TEST_F(half_closed, is_answered_by_a_flow_and_a_body_where_that_is_asked_for) {
  app.get("/three", [](ap::request&) {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
      for (int i = 0; i < 3; ++i) {
        co_await ap::sleep_for(10ms);
        co_await out.write("abc");
      }
    });
  });
  t::live_server server(app, {.half_close = true});
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/three")));
  client.finish_sending();
  const auto body = client.response();
  EXPECT_TRUE(body.whole);
  EXPECT_EQ(body.body, "abcabcabc");
  EXPECT_TRUE(client.closes());
  EXPECT_TRUE(server.empties());
}

TEST_F(half_closed, that_then_resets_is_gone_for_a_waiting_handler) {
  t::live_server server(app, {.half_close = true});
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/sleep")));
  client.finish_sending();
  ASSERT_TRUE(counts.handlers.reaches(1));
  client.reset();
  EXPECT_TRUE(counts.handlers.empties());
  EXPECT_TRUE(server.empties());
}

TEST_F(half_closed, that_then_resets_is_gone_all_the_same) {
  t::live_server server(app, {.half_close = true});
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/body")));
  ASSERT_TRUE(counts.bodies.reaches(1));
  client.finish_sending();
  ASSERT_TRUE(client.read_until("line"));
  client.reset();
  EXPECT_TRUE(counts.bodies.empties()); // its next write fails
  EXPECT_TRUE(server.empties());
}

} // namespace
