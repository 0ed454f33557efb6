// SPDX-License-Identifier: BSL-1.0
// expect: with_timeout takes a coroutine that was called: with_timeout\(5s, f\(\)\)
#include <antiphon/core/timeout.hpp>

#include <chrono>

namespace ap = antiphon;
using namespace std::chrono_literals;

asio::awaitable<int> f();

asio::awaitable<void> limited() {
#ifdef RIGHT
  co_await ap::with_timeout(5s, f());
#else
  co_await ap::with_timeout(5s, f);
#endif
}
