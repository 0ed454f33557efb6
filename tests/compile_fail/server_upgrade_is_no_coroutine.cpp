// SPDX-License-Identifier: BSL-1.0
// expect: an upgrade runs a coroutine: asio::awaitable<void> f\(antiphon::any_stream\)
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

ap::response answer() {
#ifdef RIGHT
  return ap::upgrade("echo", [](ap::any_stream) -> asio::awaitable<void> { co_return; });
#else
  return ap::upgrade("echo", [](ap::any_stream) {});
#endif
}
