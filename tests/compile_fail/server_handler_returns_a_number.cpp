// SPDX-License-Identifier: BSL-1.0
// expect: numbers are no answer: use std::to_string
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

void routes(ap::router& app) {
  app.get("/answer", [] { return 42; });
}
