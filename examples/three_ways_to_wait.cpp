// SPDX-License-Identifier: BSL-1.0
// A handler that must wait, waits in one of three ways, and holds no thread of the server: until a descriptor is ready,
// until an operation completes, or until a function that blocks has returned on another thread.
//
//   $ curl -s localhost:8080/readiness
//   > the sensor says [0-9]+
//   $ curl -s localhost:8080/completion
//   > localhost is .*(127\.0\.0\.1|::1)
//   $ curl -s -d 'correct horse battery staple' localhost:8080/blocking
//   > [0-9a-f]{16}
#include <antiphon/core/offload.hpp>
#include <antiphon/server.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace ap = antiphon;
using asio::ip::udp;
using namespace std::chrono_literals;

// 1. Readiness: "tell me when, I read it myself". For libraries with a descriptor of their own, as libpq; here a
// socket.
asio::awaitable<std::string> read_sensor(udp::socket& sensor) {
  std::array<char, 64> bytes;
  asio::error_code ec = asio::error::would_block;
  std::size_t n = 0;
  while (ec == asio::error::would_block) { // ready is a hint: another handler may have been faster
    co_await sensor.async_wait(udp::socket::wait_read, asio::use_awaitable);
    n = sensor.receive(asio::buffer(bytes), 0, ec);
  }
  co_return "the sensor says " + std::string(bytes.data(), n) + "\n";
}
asio::awaitable<void> be_a_sensor(udp::endpoint to) {
  udp::socket socket(co_await asio::this_coro::executor, udp::v4());
  for (int value = 0;; ++value, co_await ap::sleep_for(100ms)) socket.send_to(asio::buffer(std::to_string(value)), to);
}

// 2. Completion: "do it, and tell me when it is done". Everything of Asio's that takes a completion token.
asio::awaitable<std::string> look_up(std::string name) {
  asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
  const auto found = co_await resolver.async_resolve(name, "http", asio::use_awaitable);
  std::string text = name + " is";
  for (const auto& entry : found) text += " " + entry.endpoint().address().to_string();
  co_return text + "\n";
}

// 3. A thread that blocks: for libraries that know nothing else. The pool is the program's, and bounds how many run.
std::string slow_hash(const std::string& text) {
  std::this_thread::sleep_for(200ms); // as one that is made for passwords would
  std::array<char, 20> hex{};
  std::snprintf(hex.data(), hex.size(), "%016zx\n", std::hash<std::string>()(text));
  return hex.data();
}

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  asio::io_context io;
  asio::thread_pool pool(4);
  udp::socket sensor(io, {asio::ip::address_v4::loopback(), 0});
  sensor.non_blocking(true);
  asio::co_spawn(io, be_a_sensor(sensor.local_endpoint()), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e); // never lost: it leaves run()
  });
  ap::router app;
  app.get("/readiness", [&] { return read_sensor(sensor); });
  app.get("/completion", [] { return look_up("localhost"); });
  app.post("/blocking", [&](ap::request& req) -> asio::awaitable<std::string> {
    const auto hash = [text = req.take_body()] { return slow_hash(text); }; // a name first, then the co_await
    co_return co_await ap::offload(pool, hash);
  });
  return ap::run(io, app, {.port = port});
}
