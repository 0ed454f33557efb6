// SPDX-License-Identifier: BSL-1.0
// expect: a layer has hooks or waits, not both
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

struct both {
  void after(ap::request&, ap::response&) {}
  asio::awaitable<ap::response> operator()(ap::request& req, ap::next next) { return next(req); }
};

void routes(ap::router& app) { app.use(both()); }
