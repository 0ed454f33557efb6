// SPDX-License-Identifier: BSL-1.0
// Prints the server-sent events of any URL, for ever: `event_source http://host/stream`. Without a URL it reads a
// server of its own, which hangs up after every third event.
#include <antiphon/client.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>
#include <antiphon/sse/event_source.hpp>

#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

asio::awaitable<int> print(ap::sse::event_source events, int most) {
  events.before_attempt([](ap::client_request&) { std::printf("connecting\n"); }); // the place for fresh credentials
  try {
    for (int n = 0; most == 0 || n < most; ++n) {
      const auto e = co_await events.async_receive(asio::use_awaitable);
      std::printf("[%s] %s: %s\n", e.id->c_str(), e.type.c_str(), e.data.c_str());
      std::fflush(stdout);
    }
    co_return 0;
  } catch (const ap::system_error& e) { // what cannot heal; all else is tried again
    std::printf("%d: %s\n", ap::http::code(events.status()), e.code().message().c_str());
    co_return 1;
  }
}

int main(int argc, char** argv) {
  asio::io_context io;
  const ap::client client(io);
  std::string url = argc > 1 ? argv[1] : "";

  asio::cancellation_signal stop;
  if (url.empty()) {
    const ap::topic<std::string> numbers;
    for (int i = 1; i <= 9; ++i) numbers.publish("number " + std::to_string(i));
    ap::router app;
    app.get("/numbers", [=](ap::request& req) {
      auto three = numbers.subscribe(ap::http::resume_position(req, numbers.view(), ap::position::oldest));
      return ap::stream_body(
          [three](ap::body_writer& out) mutable -> asio::awaitable<void> {
            std::string bytes("retry: 10\n\n");
            for (int i = 0; i < 3; ++i) {
              const auto m = co_await three.async_receive(asio::use_awaitable);
              ap::sse::append_event(bytes, {.data = *m, .id = to_string(three.at())});
            }
            co_await out.write(bytes);
          },
          "text/event-stream");
    });
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
    url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/numbers";
    ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
  }

  int result = 1;
  asio::co_spawn(io, print(ap::sse::event_source(client, url, {.first_wait = 100ms}), argc > 1 ? 0 : 9),
                 [&](const std::exception_ptr& failure, int code) {
                   result = failure ? 1 : code;
                   client.close_idle();
                   stop.emit(asio::cancellation_type::terminal);
                 });
  io.run();
  return result;
}
