// SPDX-License-Identifier: BSL-1.0
// expect: a handler returns \(or awaits\) a response, a status, a text
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

void routes(ap::router& app) {
  app.get("/answer", [](ap::request&) -> asio::awaitable<int> { co_return 42; });
}
