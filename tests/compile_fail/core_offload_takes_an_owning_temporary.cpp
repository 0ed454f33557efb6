// SPDX-License-Identifier: BSL-1.0
// expect: give the function a name first
#include <antiphon/core/offload.hpp>

#include <string>

namespace ap = antiphon;

asio::awaitable<std::size_t> length(asio::thread_pool& pool, std::string text) {
#ifdef RIGHT
  const auto blocking = [text] { return text.size(); };
  co_return co_await ap::offload(pool, blocking);
#else
  co_return co_await ap::offload(pool, [text] { return text.size(); });
#endif
}

#if !defined(RIGHT) && !defined(ANTIPHON_CO_AWAIT_DESTROYS_TEMPORARIES_TWICE)
#error "this compiler is right, and nothing is refused: it need not be said to give the function a name first"
#endif
