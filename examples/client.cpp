// SPDX-License-Identifier: BSL-1.0
// A client: a call, a body, an answer that is read as it comes, and what goes wrong, in words. It calls the URL that it
// is given, or a server of its own.
#include <antiphon/client.hpp>
#include <antiphon/client/layers/retry.hpp>
#include <antiphon/server.hpp>

#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

asio::awaitable<void> calls(ap::client client, std::string base) {
  const auto hello = co_await client.get(base + "/hello");
  std::printf("%d %s\n", ap::http::code(hello.status()), hello.body().c_str());

  const auto made = co_await client.post(base + "/notes", R"({"text":"milk"})", "application/json");
  std::printf("%d, kept at %s\n", ap::http::code(made.status()), std::string(made.header("location")).c_str());

  // The head first; then the body, no faster than it is read.
  auto request = ap::client_request(ap::method::get, base + "/numbers").stream_response().idle(5s);
  auto numbers = co_await client.send(std::move(request));
  std::size_t bytes = 0;
  while (true) {
    const auto piece = co_await numbers.read_some();
    if (piece.empty()) break;
    bytes += piece.size();
  }
  std::printf("%zu bytes of numbers\n", bytes);

  try {
    co_await client.get(base + "/slow");
  } catch (const ap::system_error& e) {
    std::printf("%s\n", e.code().message().c_str()); // the server did not answer in time
  }
}

int main(int argc, char** argv) {
  asio::io_context io;
  ap::router app;
  app.get("/hello", [] { return "hello"; });
  app.post("/notes", [](ap::request&) { return ap::response(ap::status::created).set("Location", "/notes/1"); });
  app.get("/numbers", [] {
    return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
      for (int i = 0; i < 10'000; ++i) co_await out.write(std::to_string(i) + "\n");
    });
  });
  app.get("/slow", []() -> asio::awaitable<ap::response> {
    co_await ap::sleep_for(1h);
    co_return "at last";
  });
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  std::string base = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  if (argc > 1) base = argv[1];
  asio::cancellation_signal stop;
  ap::async_serve(std::move(acceptor), app, asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));

  ap::client client(io, {.first_byte = 1s});
  client.use(ap::retry({.attempts = 2, .first = 10ms}));
  int result = 0;
  asio::co_spawn(io, calls(client, base), [&](std::exception_ptr e) {
    result = e ? 1 : 0;
    client.close_idle(); // or io.run() goes on until they expire
    stop.emit(asio::cancellation_type::terminal);
  });
  io.run();
  return result;
}
