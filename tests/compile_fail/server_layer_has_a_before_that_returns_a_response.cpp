// SPDX-License-Identifier: BSL-1.0
// expect: `before` returns std::optional<antiphon::response>
#include <antiphon/server/router.hpp>

#include <optional>
#include <string>

namespace ap = antiphon;

struct guard {
#ifdef RIGHT
  std::optional<ap::response> before(ap::request&) { return ap::response(ap::status::forbidden); }
#else
  ap::response before(ap::request&) { return ap::status::forbidden; }
#endif
  void after(ap::request&, ap::response&) {}
};

void routes(ap::router& app) { app.use(guard()); }
