// SPDX-License-Identifier: BSL-1.0
// expect: take the request by reference, it is not copied
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

void routes(ap::router& app) {
#ifdef RIGHT
  app.get("/", [](ap::request& req) { return std::string(req.path()); });
#else
  app.get("/", [](ap::request req) { return std::string(req.path()); });
#endif
}
