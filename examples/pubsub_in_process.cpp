// SPDX-License-Identifier: BSL-1.0
// Publish and subscribe inside one program, without HTTP: it needs antiphon::core alone.
#include <antiphon/pubsub.hpp>

#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>

#include <chrono>
#include <cstdio>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

struct order {
  std::string item;
  int pieces;
};

// Each subscriber reads at its own pace; the publisher waits for none of them.
asio::awaitable<void> ship(ap::subscription<order> orders) {
  try {
    for (;;) {
      const auto o = co_await orders.async_receive(asio::use_awaitable);
      std::printf("ship %d x %s\n", o->pieces, o->item.c_str());
      co_await ap::sleep_for(10ms);
    }
  } catch (const ap::system_error& e) {
    std::printf("shipping ends: %s\n", e.code() == asio::error::eof ? "no more orders" : e.what());
  }
}

// A batch of up to ten, or what has come 20 ms after the first.
asio::awaitable<void> bill(ap::subscription<order> orders) {
  for (;;) {
    ap::error_code ec; // with the end comes what was read before it
    const auto batch = co_await orders.async_collect(10, 20ms, asio::redirect_error(asio::use_awaitable, ec));
    int pieces = 0;
    for (const auto& o : batch) pieces += o->pieces;
    if (!batch.empty()) std::printf("bill %zu orders, %d pieces\n", batch.size(), pieces);
    if (ec) co_return;
  }
}

int main() {
  asio::io_context io;
  ap::topic<order> orders;
  asio::co_spawn(io, ship(orders.subscribe()), asio::detached);
  asio::co_spawn(io, bill(orders.subscribe()), asio::detached);
  for (int i = 1; i <= 5; ++i) orders.publish({"part " + std::to_string(i), i});
  orders.close();
  io.run();
}
