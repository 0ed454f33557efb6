// SPDX-License-Identifier: BSL-1.0
// expect: on_drain takes a coroutine: asio::awaitable<void> f\(antiphon::duration limit\)
#include <antiphon/server/router.hpp>

namespace ap = antiphon;

void hooks(const ap::router& app) {
#ifdef RIGHT
  app.on_drain([](ap::duration) -> asio::awaitable<void> { co_return; });
#else
  app.on_drain([](ap::duration) {});
#endif
}
