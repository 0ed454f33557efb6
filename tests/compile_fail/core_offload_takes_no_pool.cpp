// SPDX-License-Identifier: BSL-1.0
// expect: give it an asio::thread_pool or an executor first
#include <antiphon/core/offload.hpp>

namespace ap = antiphon;

int blocks();

asio::awaitable<int> work([[maybe_unused]] asio::thread_pool& pool) {
#ifdef RIGHT
  co_return co_await ap::offload(pool, blocks);
#else
  co_return co_await ap::offload(4, blocks);
#endif
}
