// SPDX-License-Identifier: BSL-1.0
// expect: race takes coroutines that were called: race\(f\(\), g\(\)\)
#include <antiphon/core/race.hpp>

namespace ap = antiphon;

asio::awaitable<void> f();

asio::awaitable<void> both() {
#ifdef RIGHT
  co_await ap::race(f(), f());
#else
  co_await ap::race(f, f);
#endif
}
