// SPDX-License-Identifier: BSL-1.0
// expect: offload takes a function without parameters
#include <antiphon/core/offload.hpp>

namespace ap = antiphon;

int square(int n);

asio::awaitable<int> work(asio::thread_pool& pool, int n) {
#ifdef RIGHT
  co_return co_await ap::offload(pool, [n] { return square(n); });
#else
  co_return co_await ap::offload(pool, square);
#endif
}
