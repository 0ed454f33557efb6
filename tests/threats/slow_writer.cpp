// SPDX-License-Identifier: BSL-1.0
// Threat suite: clients that take their time to send. The server's limits are set small; its wheel turns every 100 ms.
#include "../support/allocated.hpp"
#include "../support/count_bytes.hpp"
#include "../support/temporary_folder.hpp"
#include "../support/threat_app.hpp"

#include <antiphon/http/multipart_reader.hpp>

#include <asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <filesystem>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

class slow_writer : public testing::Test {
 protected:
  slow_writer() { t::add_threat_routes(app, counts); }

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

TEST_F(slow_writer, that_is_only_slow_is_served) {
  t::live_server server(app);
  auto client = server.client();
  for (const auto& request : {t::get("/"), t::post("/post", "hello"), t::get("/soon")}) {
    EXPECT_EQ(drip(client, request), request.size());
    EXPECT_EQ(client.response().status, 200);
  }
}

TEST_F(slow_writer, with_an_endless_head_gets_408) {
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

TEST_F(slow_writer, that_stops_in_a_head_gets_408) {
  t::live_server server(app, {.head_time = 200ms});
  for (const char* part : {"G", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"}) {
    auto client = server.client();
    ASSERT_TRUE(client.send(part));
    EXPECT_EQ(client.response().status, 408) << part;
    EXPECT_TRUE(client.closes()) << part;
  }
}

TEST_F(slow_writer, that_sends_nothing_is_closed_without_a_word) {
  t::live_server server(app, {.head_time = 200ms});
  auto client = server.client();
  EXPECT_TRUE(client.closes());
  EXPECT_EQ(client.ended(), t::raw_client::end::eof);
}

TEST_F(slow_writer, that_sends_nothing_more_is_closed_when_the_keep_alive_time_is_over) {
  t::live_server server(app, {.keep_alive = 200ms});
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/")));
  EXPECT_EQ(client.response().status, 200);
  const auto began = now();
  EXPECT_TRUE(client.closes());
  EXPECT_GE(now() - began, 150ms);
  EXPECT_EQ(client.ended(), t::raw_client::end::eof);
}

TEST_F(slow_writer, that_stops_in_the_second_head_gets_408) {
  t::live_server server(app, {.head_time = 200ms});
  auto client = server.client();
  ASSERT_TRUE(client.send(t::get("/") + "GET / HT"));
  EXPECT_EQ(client.response().status, 200);
  EXPECT_EQ(client.response().status, 408);
  EXPECT_TRUE(client.closes());
}

TEST_F(slow_writer, that_stops_in_a_body_gets_408) {
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

TEST_F(slow_writer, that_stops_in_a_body_nobody_wants_is_closed) {
  t::live_server server(app, {.body_idle = 200ms});
  auto client = server.client();
  ASSERT_TRUE(client.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhel"));
  EXPECT_EQ(client.response().status, 404);
  EXPECT_TRUE(client.closes());
}

TEST_F(slow_writer, below_the_body_rate_gets_408) {
  t::live_server server(app, {.body_rate = 100'000, .body_rate_grace = 300ms});
  auto client = server.client();
  const auto sent = drip(client, t::post("/post", std::string(5000, 'b')));
  EXPECT_LT(sent, 3000U);
  EXPECT_EQ(client.response().status, 408);
  EXPECT_TRUE(client.closes());
}

TEST_F(slow_writer, above_the_body_rate_is_served) {
  t::live_server server(app, {.body_idle = 2s, .body_rate = 20, .body_rate_grace = 300ms});
  auto client = server.client();
  const auto request = t::post("/post", std::string(150, 'b'));
  EXPECT_EQ(drip(client, request), request.size());
  EXPECT_EQ(client.response().body, "150");
}

TEST_F(slow_writer, that_lingers_after_a_refusal_is_closed) {
  t::live_server server(app, {.linger = 200ms});
  auto client = server.client();
  ASSERT_TRUE(client.send("BAD\r\n\r\n"));
  EXPECT_EQ(client.response().status, 400);
  EXPECT_TRUE(client.closes());
  EXPECT_EQ(client.ended(), t::raw_client::end::eof);
  EXPECT_TRUE(server.empties()); // though the client has not closed
}

TEST_F(slow_writer, a_handler_that_takes_too_long_is_cancelled) {
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

// Bodies that their handlers read as they come.

TEST_F(slow_writer, of_a_streamed_body_is_timed_as_of_a_collected_one) {
  app.post("/streamed", t::count_body, {.streamed = true});
  t::live_server server(app, {.body_idle = 300ms, .body_rate = 50, .body_rate_grace = 500ms});
  auto steady = server.client();
  const auto request = t::post("/streamed", std::string(100, 'b'));
  EXPECT_EQ(drip(steady, request), request.size());
  EXPECT_EQ(steady.response().body, "100");
  auto stops = server.client();
  ASSERT_TRUE(stops.send("POST /streamed HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"));
  EXPECT_EQ(stops.response().status, 408);
  EXPECT_TRUE(stops.closes());
  t::live_server strict(app, {.body_rate = 100'000, .body_rate_grace = 300ms});
  auto slow = strict.client();
  EXPECT_LT(drip(slow, t::post("/streamed", std::string(5000, 'b'))), 3000U);
  EXPECT_EQ(slow.response().status, 408);
}

TEST_F(slow_writer, a_crowd_of_uploads_holds_no_buffers) {
  app.post("/streamed", t::count_body, {.max_body = 1u << 30, .streamed = true});
  t::live_server server(app);
  std::vector<t::raw_client> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(server.client());
    ASSERT_TRUE(clients.back().send("POST /streamed HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"));
  }
  ASSERT_TRUE(t::eventually([&] { return app.counts().handling == 200; }));
  const auto before = t::allocated();
  for (int round = 0; round < 10; ++round)
    for (auto& c : clients) ASSERT_TRUE(c.send(std::string(1000, 'x')));
  ::poll(nullptr, 0, 100);
  // A buffer of 64 KiB for each would be 13 MB.
  EXPECT_LT(t::allocated(), before + 3'000'000);
}

TEST_F(slow_writer, of_a_form_leaves_no_file) {
  const antiphon_tests::temporary_folder folder;
  asio::thread_pool disk(1);
  app.post("/form",
           [&](ap::request& req) -> asio::awaitable<ap::response> {
             ap::multipart_reader parts(req);
             while (auto* part = co_await parts.next_part()) co_await part->save_to(folder / "file", disk);
             co_return "saved";
           },
           {.streamed = true});
  {
    t::live_server server(app, {.body_idle = 300ms});
    auto client = server.client();
    ASSERT_TRUE(client.send("POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                            "Content-Length: 100000\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; "
                            "filename=\"f\"\r\n\r\nthe beginning"));
    ASSERT_TRUE(t::eventually([&] { return std::filesystem::exists(folder / "file"); }));
    EXPECT_EQ(client.response().status, 408);
    EXPECT_TRUE(client.closes());
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "file"));
}

} // namespace
