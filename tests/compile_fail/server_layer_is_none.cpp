// SPDX-License-Identifier: BSL-1.0
// expect: a layer has hooks, .*before.*after.*complete.*or is a coroutine
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

void routes(ap::router& app) {
  app.use([](ap::request&) { return true; });
}
