// SPDX-License-Identifier: BSL-1.0
// Prices that change faster than some clients read: who is slow gets the newest price of each share, not every one.
//
//   $ curl -s -N -m 1 'localhost:8080/prices?after=earliest'
//   > data: \{"share":"ACME","price":\d+\}\n
//   $ curl -s localhost:8080/prices/now
//   > "data":\{"share":
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

struct price {
  std::string share;
  int cents;
};
// How a price goes to clients: found by its argument's type.
ap::payload to_payload(const price& p) {
  return ap::payload::of("{\"share\":\"" + p.share + "\",\"price\":" + std::to_string(p.cents) + "}", ap::json_type);
}

asio::awaitable<void> trade(ap::topic<price> prices) {
  constexpr std::array shares{"ACME", "BOLT", "CORN"};
  for (int i = 0;; ++i) {
    prices.publish({shares[static_cast<std::size_t>(i) % shares.size()], 1000 + i % 37});
    co_await ap::sleep_for(5ms);
  }
}

int main(int argc, char** argv) {
  asio::io_context io;
  // A price supersedes the earlier ones of its share, for readers that coalesce.
  ap::topic<price> prices({.history = 500}, [](const price& p) { return p.share; });
  asio::co_spawn(io, trade(prices), [](std::exception_ptr) {});

  ap::router app;
  app.get("/prices",
          [=](ap::request& req) { return ap::sse::stream(prices, req, {.slow = ap::sse::slow_reader::coalesce}); });
  app.get("/prices/now", [=](ap::request& req) { return ap::polling::short_poll(prices, req, {.max_items = 3}); });
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
