// SPDX-License-Identifier: BSL-1.0
// expect: race takes its coroutines over: pass a named one with std::move
#include <antiphon/core/race.hpp>

#include <utility>

namespace ap = antiphon;

asio::awaitable<void> f();

asio::awaitable<void> both() {
  auto named = f();
#ifdef RIGHT
  co_await ap::race(std::move(named), f());
#else
  co_await ap::race(named, f());
#endif
}
