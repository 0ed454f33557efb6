// SPDX-License-Identifier: BSL-1.0
// The client and the server of this library, in memory: what one says, the other understands.
#include <antiphon/client.hpp>
#include <antiphon/server.hpp>
#include <antiphon/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::client_request;
using ap::method;

class client_and_server : public ::testing::TestWithParam<std::size_t> { // bytes a read of the client
 protected:
  client_and_server() {
    app.post(
        "/upper",
        [](ap::request& req) -> asio::awaitable<ap::response> {
          std::string all;
          while (true) {
            const auto piece = co_await req.read_some();
            if (piece.empty()) break;
            all += piece;
          }
          for (char& c : all) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
          all += req.trailers().get("x-sum").value_or("");
          co_return all;
        },
        ap::route_options{.max_body = 10'000'000, .streamed = true});
    app.get("/numbers/{n}", [](ap::request& req) {
      return ap::stream_body(
          [n = std::stoi(std::string(req.param("n")))](ap::body_writer& out) -> asio::awaitable<void> {
            for (int i = 0; i < n; ++i) co_await out.write(std::to_string(i) + "\n");
            out.trailers(ap::http::fields{{"X-Lines", std::to_string(n)}});
          });
    });
    app.get("/moved", [] { return ap::redirect("/numbers/2"); });
    app.get("/slow", []() -> asio::awaitable<ap::response> {
      co_await ap::sleep_for(3s);
      co_return "slow";
    });
    app.get("/echo", [](ap::request&) {
      auto echo = [](ap::any_stream s) -> asio::awaitable<void> {
        char room[64];
        while (true) {
          const auto n = co_await s.async_read_some(asio::buffer(room), asio::use_awaitable);
          co_await s.async_write_some(asio::buffer(room, n), asio::use_awaitable);
        }
      };
      return ap::http::upgrade("echo", echo);
    });
    ap::async_serve(listener, app,
                    asio::bind_cancellation_slot(stop.slot(), [this](ap::error_code) { stopped = true; }));
    client.use(ap::make_connector([this](const ap::connect_target&) {
      auto end = listener.connect();
      end.read_size(GetParam());
      return end;
    }));
  }
  ~client_and_server() override {
    client.close_idle();
    stop.emit(asio::cancellation_type::terminal);
    time.settle();
    EXPECT_TRUE(stopped);
  }
  void run(asio::awaitable<void> task) {
    bool over = false;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr e) {
      over = true;
      if (e) std::rethrow_exception(e);
    });
    time.advance(1min);
    EXPECT_TRUE(over);
  }

  asio::io_context io{1};
  ap::testing::virtual_time time{io};
  ap::testing::memory_listener listener{io.get_executor(), 4096};
  ap::router app;
  asio::cancellation_signal stop;
  bool stopped = false;
  ap::client client{io};
};
INSTANTIATE_TEST_SUITE_P(reads, client_and_server, ::testing::Values(0, 1, 7));

TEST_P(client_and_server, understand_each_other) {
  run([](ap::client& c) -> asio::awaitable<void> {
    const auto collected = co_await c.post("http://h/upper", "hello", "text/plain");
    EXPECT_EQ(collected.body(), "HELLO");
    auto body = [](ap::body_writer& out) -> asio::awaitable<void> {
      for (int i = 0; i < 300; ++i) co_await out.write("some piece ");
      out.trailers(ap::http::fields{{"X-Sum", "300"}});
    };
    auto up = client_request(method::post, "http://h/upper").stream_body(body);
    const auto streamed = co_await c.send(std::move(up));
    EXPECT_EQ(streamed.body().size(), 300u * 11 + 3);
    EXPECT_TRUE(streamed.body().ends_with("SOME PIECE 300"));

    auto down = co_await c.send(client_request(method::get, "http://h/numbers/500").stream_response());
    std::string all;
    while (true) {
      const auto piece = co_await down.read_some();
      if (piece.empty()) break;
      all += piece;
    }
    EXPECT_EQ(all.size(), 1890u);
    EXPECT_EQ(down.trailers().get("x-lines"), "500");

    const auto moved = co_await c.get("http://h/moved");
    EXPECT_EQ(moved.body(), "0\n1\n");
    EXPECT_EQ(moved.url(), "http://h/numbers/2");
    EXPECT_EQ(c.figures().connections, 1u) << "all of it over one connection";

    auto up_there = co_await c.upgrade(client_request(method::get, "http://h/echo"), "echo");
    EXPECT_TRUE(up_there.switched());
    auto stream = up_there.stream();
    co_await stream.async_write_some(asio::buffer("ball", 4), asio::use_awaitable);
    std::string back;
    char room[8];
    while (back.size() < 4) {
      const auto n = co_await stream.async_read_some(asio::buffer(room), asio::use_awaitable);
      back.append(room, n);
    }
    EXPECT_EQ(back, "ball");
  }(client));
}

TEST_P(client_and_server, survive_what_is_given_up) {
  std::minstd_rand random(42);
  std::size_t over = 0, good = 0;
  std::vector<std::unique_ptr<asio::cancellation_signal>> signals;
  constexpr const char* paths[] = {"/numbers/40", "/slow", "/moved", "/missing"};
  for (int i = 0; i < 200; ++i) {
    signals.push_back(std::make_unique<asio::cancellation_signal>());
    client_request req(method::get, std::string("http://h") + paths[random() % 4]);
    if (random() % 4 == 0) req = client_request(method::post, "http://h/upper").body(std::string(5000, 'x'), "");
    if (random() % 3 == 0) req.stream_response();
    client.async_send(std::move(req), asio::bind_cancellation_slot(signals.back()->slot(),
                                                                   [&](ap::error_code ec, ap::client_response res) {
                                                                     ++over;
                                                                     good += !ec && res.status() != ap::status();
                                                                   }));
    if (random() % 3 == 0) time.advance(std::chrono::milliseconds(random() % 500));
    if (random() % 2 == 0) signals[random() % signals.size()]->emit(asio::cancellation_type::terminal);
  }
  time.advance(1min);
  EXPECT_EQ(over, 200u);
  EXPECT_GT(good, 50u);
  EXPECT_EQ(client.figures().calls, 0u);
}

} // namespace
