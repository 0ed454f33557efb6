// SPDX-License-Identifier: BSL-1.0
// expect: on_error takes a function \(std::exception_ptr, std::string_view where\)
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

void routes(ap::router& app) {
  app.on_error([](const std::exception&) {});
}
