// SPDX-License-Identifier: BSL-1.0
// expect: return antiphon::status::no_content
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

void routes(ap::router& app) {
#ifdef RIGHT
  app.post("/", [](ap::request&) { return ap::status::no_content; });
#else
  app.post("/", [](ap::request&) {});
#endif
}
