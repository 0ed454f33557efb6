// SPDX-License-Identifier: BSL-1.0
// expect: a body is a coroutine
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

ap::response answer() {
  return ap::stream_body([]() -> asio::awaitable<void> { co_return; });
}
