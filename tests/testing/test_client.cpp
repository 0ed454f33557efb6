// SPDX-License-Identifier: BSL-1.0
#include <antiphon/core/time.hpp>
#include <antiphon/testing/test_client.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::testing::test_client;

struct a_test_client : ::testing::Test {
  ap::router app;
  a_test_client() {
    app.get("/hello", [](ap::request& req) { return "hello " + req.query("name").value_or("you"); });
    app.post("/echo", [](ap::request& req) {
      return ap::response(ap::status::ok, req.take_body(), "text/x").set("X-Got", req.header("X-Sent"));
    });
    app.get("/sleep/{s}", [](ap::request& req) -> asio::awaitable<ap::response> {
      co_await ap::sleep_for(std::chrono::seconds(std::stoi(std::string(req.param("s")))));
      co_return "slept";
    });
    app.get("/stream/{n}", [](ap::request& req) {
      return ap::stream_body(
          [n = std::stoi(std::string(req.param("n")))](ap::body_writer& out) -> asio::awaitable<void> {
            for (int i = 0; i < n; ++i) {
              co_await out.write("x");
              co_await ap::sleep_for(1s);
            }
          });
    });
  }
};

TEST_F(a_test_client, calls_a_router) {
  test_client client(app);
  const auto res = client.get("/hello?name=x");
  EXPECT_EQ(res.status, ap::status::ok);
  EXPECT_EQ(res.body, "hello x");
  EXPECT_EQ(res.header("content-length"), "7");
  EXPECT_EQ(res.header("none"), "");
  EXPECT_TRUE(res.complete);
  EXPECT_EQ(client.get("/none").status, ap::status::not_found);
}

TEST_F(a_test_client, sends_bodies_and_fields) {
  test_client client(app);
  ap::http::fields extra;
  extra.add("X-Sent", "value");
  const auto res = client.post("/echo", "the body", extra);
  EXPECT_EQ(res.body, "the body");
  EXPECT_EQ(res.header("X-Got"), "value");
  EXPECT_EQ(client.post("/echo", "").body, "");
  const std::string big(900'000, 'b');
  EXPECT_TRUE(client.post("/echo", big).body == big);
  EXPECT_EQ(client.put("/echo", "x").status, ap::status::method_not_allowed);
  EXPECT_EQ(client.patch("/echo", "x").status, ap::status::method_not_allowed);
  EXPECT_EQ(client.del("/echo").status, ap::status::method_not_allowed);
}

TEST_F(a_test_client, keeps_its_connection) {
  test_client client(app);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.get("/hello").status, ap::status::ok);
  EXPECT_EQ(app.counts().open, 1U);
  client.advance(2min); // the server closes it meanwhile
  EXPECT_EQ(app.counts().open, 0U);
  EXPECT_EQ(client.get("/hello").status, ap::status::ok);
  ap::http::fields close;
  close.add("Connection", "close");
  EXPECT_EQ(client.get("/hello", close).body, "hello you");
  EXPECT_EQ(client.get("/hello").body, "hello you");
}

TEST_F(a_test_client, lets_time_pass_where_a_handler_sleeps) {
  test_client client(app);
  const auto begin = client.now();
  EXPECT_EQ(client.get("/sleep/1800").body, "slept");
  EXPECT_EQ(client.now() - begin, 1800s);
  EXPECT_EQ(client.get("/stream/5").body, "xxxxx");
}

TEST_F(a_test_client, gives_up_when_its_patience_is_over) {
  test_client client(app);
  client.patience = 10s;
  const auto none = client.get("/sleep/11");
  EXPECT_FALSE(none.complete);
  EXPECT_EQ(none.status, ap::http::status{});
  const auto part = client.get("/stream/1000");
  EXPECT_FALSE(part.complete);
  EXPECT_EQ(part.status, ap::status::ok);
  EXPECT_EQ(part.body.substr(0, 10), "xxxxxxxxxx");
  EXPECT_EQ(client.get("/hello").body, "hello you");
}

TEST_F(a_test_client, sends_now_and_receives_later) {
  test_client client(app);
  client.send(ap::method::get, "/sleep/5");
  EXPECT_EQ(client.receive(), nullptr);
  EXPECT_EQ(app.counts().handling, 1U);
  client.advance(4999ms);
  EXPECT_EQ(client.receive(), nullptr);
  client.advance(1ms);
  ASSERT_NE(client.receive(), nullptr);
  EXPECT_EQ(client.receive()->body, "slept");
}

TEST_F(a_test_client, head_has_no_body) {
  test_client client(app);
  const auto res = client.head("/hello");
  EXPECT_EQ(res.header("Content-Length"), "9");
  EXPECT_EQ(res.body, "");
  EXPECT_TRUE(res.complete);
}

TEST_F(a_test_client, tells_of_interim_responses) {
  app.get("/hints", [](ap::request& req) -> asio::awaitable<ap::response> {
    co_await req.send_interim(ap::status::early_hints, {});
    co_return "x";
  });
  test_client client(app);
  const auto res = client.get("/hints");
  EXPECT_EQ(res.interim, std::vector<ap::status>{ap::status::early_hints});
  EXPECT_EQ(res.body, "x");
}

TEST_F(a_test_client, exchanges_raw_bytes) {
  test_client client(app);
  const auto two = client.exchange("GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(two.substr(0, 17), "HTTP/1.1 200 OK\r\n");
  EXPECT_NE(two.find("HTTP/1.1 404 Not Found\r\n"), two.npos);
  EXPECT_EQ(client.exchange("nonsense\r\n\r\n").substr(0, 13), "HTTP/1.1 400 ");
  EXPECT_EQ(client.exchange(""), "");
}

TEST_F(a_test_client, has_the_limits_that_it_was_given) {
  ap::serve_options options;
  options.head.start_line = 100;
  test_client client(app, options);
  EXPECT_EQ(client.get("/" + std::string(200, 'x')).status, ap::status::uri_too_long);
}

TEST_F(a_test_client, leaves_nothing_behind) {
  {
    test_client client(app);
    client.send(ap::method::get, "/sleep/1000");
    EXPECT_EQ(app.counts().handling, 1U);
  }
  EXPECT_EQ(app.counts().open, 0U);
  EXPECT_EQ(app.counts().handling, 0U);
}

} // namespace
