// SPDX-License-Identifier: BSL-1.0
// expect: `after` is called with
#include <antiphon/server/router.hpp>

#include <optional>
#include <string>

namespace ap = antiphon;

struct stamp {
  std::optional<ap::response> before(ap::request&) { return std::nullopt; }
  void after(ap::response& res) { res.set("X-Stamp", "1"); }
};

void routes(ap::router& app) { app.use(stamp()); }
