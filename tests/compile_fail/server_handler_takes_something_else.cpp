// SPDX-License-Identifier: BSL-1.0
// expect: a handler is called with \(antiphon::request&\) or with nothing
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

void routes(ap::router& app) {
  app.get("/users/{id}", [](std::string id) { return id; });
}
