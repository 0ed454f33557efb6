// SPDX-License-Identifier: BSL-1.0
// antiphon inside a program that has an io_context, timers and signals of its own: the server is one operation among
// others. async_serve completes when all of it is over; cancelling it drains, as Ctrl-C and POST /stop do here.
//
//   $ curl -s localhost:8080/
//   > [0-9]+ ticks
#include <antiphon/server.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace ap = antiphon;
using asio::ip::tcp;
using namespace std::chrono_literals;

asio::awaitable<void> tick(unsigned& ticks) { // the program's own work, until the context is done
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;; ++ticks) {
    timer.expires_after(100ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  unsigned ticks = 0;
  asio::io_context io;
  asio::cancellation_signal stop_ticking, stop_serving;
  const auto stop = [&] {
    stop_serving.emit(asio::cancellation_type::partial); // drain: once more, or terminal, would cut
  };

  ap::router app;
  app.get("/", [&] { return std::to_string(ticks) + " ticks\n"; });
  app.post("/stop", [&] {
    stop();
    return "stopping\n";
  });

  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](asio::error_code ec, int) {
    if (!ec) stop();
  });
  asio::co_spawn(io, tick(ticks), asio::bind_cancellation_slot(stop_ticking.slot(), [](std::exception_ptr) {
                   std::puts("no more ticks");
                 }));

  tcp::acceptor listener(io, {tcp::v4(), port});
  std::printf("listening on http://localhost:%u\n", static_cast<unsigned>(listener.local_endpoint().port()));
  ap::serve_options options;
  options.drain = 3s;
  const auto over = [&](asio::error_code ec) {
    std::printf("the server is over%s%s\n", ec ? ": " : "", ec ? ec.message().c_str() : "");
    stop_ticking.emit(asio::cancellation_type::terminal);
    signals.cancel();
  };
  ap::async_serve(std::move(listener), app, options, asio::bind_cancellation_slot(stop_serving.slot(), over));
  io.run(); // returns when nothing is left to do: no io.stop()
}
