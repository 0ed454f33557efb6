// SPDX-License-Identifier: BSL-1.0
// Threat suite: every input of the table against a server over a socket, in one write and in many.
#include "../http/request_smuggling_cases.hpp"
#include "../support/live_server.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace {

namespace ap = antiphon;
namespace t = threat;

class request_smuggling_over_a_socket : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ap::router app;
    for (const auto verb : {ap::method::get, ap::method::post, ap::method::options})
      app.on(verb, "/{path...}", [](ap::request& req) {
        if (req.path() == "/smuggled") ++smuggled;
        return req.take_body();
      });
    server = std::make_unique<t::live_server>(app);
  }
  static void TearDownTestSuite() { server.reset(); }

  void check(const antiphon::testing::request_case& c, std::size_t piece) {
    SCOPED_TRACE(c.name + ", " + std::to_string(piece) + " bytes a write");
    const int before = smuggled;
    auto client = server->client();
    client.send(c.input, piece); // may fail: the server does not listen for ever to what it refuses
    for (const auto& body : c.bodies) {
      const auto answer = client.response();
      EXPECT_EQ(answer.status, body.empty() && answer.status == 204 ? 204 : 200);
      EXPECT_EQ(answer.body, body);
    }
    if (c.status > 0) {
      const auto refusal = client.response();
      EXPECT_EQ(refusal.status, c.status);
      EXPECT_EQ(refusal.field("Connection"), "close");
    } else {
      client.finish_sending();
    }
    EXPECT_EQ(client.read_to_end(), "");
    if (c.status <= 0) {
      EXPECT_EQ(client.ended(), t::raw_client::end::eof);
    }
    client.close();
    EXPECT_EQ(smuggled, before);
  }

  static inline std::unique_ptr<t::live_server> server;
  static inline std::atomic<int> smuggled{0};
};

TEST_F(request_smuggling_over_a_socket, in_one_write) {
  for (const auto& c : antiphon::testing::request_smuggling_cases()) check(c, c.input.size());
  EXPECT_TRUE(server->empties());
}

TEST_F(request_smuggling_over_a_socket, in_writes_of_seven_bytes) {
  for (const auto& c : antiphon::testing::request_smuggling_cases())
    if (c.input.size() < 1000) check(c, 7);
  EXPECT_TRUE(server->empties());
}

TEST_F(request_smuggling_over_a_socket, in_writes_of_one_byte) {
  for (const auto& c : antiphon::testing::request_smuggling_cases())
    if (c.input.size() < 250) check(c, 1);
  EXPECT_TRUE(server->empties());
}

// The table's refusals behind requests that are still being answered.
TEST_F(request_smuggling_over_a_socket, answers_a_refusal_behind_a_waiting_handler) {
  ap::router app;
  int called = 0;
  app.get("/soon", [](ap::request&) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(std::chrono::milliseconds(50));
    co_return "soon";
  });
  app.get("/smuggled", [&called] {
    ++called;
    return "smuggled";
  });
  t::live_server own(app);
  auto client = own.client();
  ASSERT_TRUE(
      client.send(t::get("/soon") + t::get("/soon") + "GET / HTTP/1.1\r\nHost : a\r\n\r\n" + t::get("/smuggled")));
  EXPECT_EQ(client.response().body, "soon");
  EXPECT_EQ(client.response().body, "soon");
  EXPECT_EQ(client.response().status, 400);
  EXPECT_EQ(client.read_to_end(), "");
  client.close();
  EXPECT_TRUE(own.empties());
  EXPECT_EQ(called, 0);
}

// What stands behind a request with Connection: close must not make the answer disappear.
TEST_F(request_smuggling_over_a_socket, the_last_answer_survives_what_stands_behind_it) {
  for (int i = 0; i < 20; ++i) {
    auto client = server->client();
    ASSERT_TRUE(client.send(t::get("/", "Connection: close\r\n") + std::string(30'000, 'x')));
    EXPECT_EQ(client.response().status, 200);
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(client.ended(), t::raw_client::end::eof);
  }
}

// Bytes that a refused or closed connection left behind are not the beginning of another's.
TEST_F(request_smuggling_over_a_socket, the_next_connection_gets_nothing_of_an_earlier_one) {
  ap::router app;
  std::atomic<int> called{0};
  app.get("/soon", [](ap::request&) -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(std::chrono::milliseconds(50));
    co_return "soon";
  });
  app.get("/smuggled", [&called] {
    ++called;
    return "smuggled";
  });
  app.get("/", [] { return "hello"; });
  t::live_server own(app, {.head_time = std::chrono::milliseconds(200)});
  const std::string left[] = {"GET /smuggled HTTP/1.1\r\nHost: a\r\nX: ", // 408
                              t::get("/soon", "Connection: close\r\n") + t::get("/smuggled")};
  for (const auto& bytes : left)
    for (int i = 0; i < 3; ++i) {
      auto first = own.client();
      ASSERT_TRUE(first.send(bytes));
      EXPECT_NE(first.response().status, 0);
      EXPECT_EQ(first.read_to_end(), ""); // it lingers still
      auto second = own.client();
      ASSERT_TRUE(second.send(t::get("/")));
      EXPECT_EQ(second.response().body, "hello");
    }
  EXPECT_EQ(called, 0);
}

} // namespace
