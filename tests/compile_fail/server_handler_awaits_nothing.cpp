// SPDX-License-Identifier: BSL-1.0
// expect: \(or co_return it\) where there is nothing to say
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

void routes(ap::router& app) {
  app.post("/", [](ap::request&) -> asio::awaitable<void> { co_return; });
}
