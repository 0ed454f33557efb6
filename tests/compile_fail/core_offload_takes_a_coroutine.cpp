// SPDX-License-Identifier: BSL-1.0
// expect: a coroutine needs no pool: co_await it
#include <antiphon/core/offload.hpp>

namespace ap = antiphon;

asio::awaitable<int> waits();
int blocks();

asio::awaitable<int> work(asio::thread_pool& pool) {
#ifdef RIGHT
  co_return co_await ap::offload(pool, blocks);
#else
  co_return co_await ap::offload(pool, waits);
#endif
}
