// SPDX-License-Identifier: BSL-1.0
// Layers: request ids, an access log, metrics, who asks, a hook of our own, and a layer that waits.
//
//   $ curl -s -i localhost:8080/
//   > Cache-Control: no-store\s[\s\S]*X-Request-Id: [0-9a-f]{32}\s[\s\S]*Hello, this is request
//   $ curl -s localhost:8080/admin
//   > "status":401
//   $ curl -s -H 'Authorization: Bearer guest' localhost:8080/admin
//   > "status":403
//   $ curl -s -H 'Authorization: Bearer ada' localhost:8080/admin
//   > Welcome, ada
//   $ curl -s localhost:8080/metrics
//   > antiphon_http_requests_total\{method="GET",route="/admin",status="4xx"\} 2
#include <antiphon/server.hpp>
#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/bearer_auth.hpp>
#include <antiphon/server/layers/metrics.hpp>
#include <antiphon/server/layers/request_id.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace ap = antiphon;
using namespace std::chrono_literals;

// Hooks: what is done before and after any handler, and never waits.
struct no_store {
  void after(ap::request&, ap::response& res) const { res.set("Cache-Control", "no-store"); }
};

// What a layer leaves for those inside: a type of ours.
struct user {
  std::string name;
};

// A layer that waits: a coroutine around the rest. Here it asks a directory, elsewhere and slow, who this is.
asio::awaitable<bool> is_admin(std::string name) {
  co_await ap::sleep_for(20ms);
  co_return name == "ada";
}
asio::awaitable<ap::response> admins_only(ap::request& req, ap::next next) {
  const bool admin = co_await is_admin(req.state<user>().name);
  if (!admin) co_return ap::problem(ap::status::forbidden, "this is for administrators");
  co_return co_await next(req);
}

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  asio::io_context io;
  ap::metrics metrics;
  ap::router app;
  app.use(ap::request_id()).use(ap::access_log()).use(metrics).use(no_store()); // the first is the outermost
  app.get("/",
          [](ap::request& req) { return "Hello, this is request " + std::string(*req.notes().get("request-id")); });
  app.get("/metrics", metrics.handler(app));

  auto admin = app.group("/admin"); // its layers stand inside those of app, around its own routes only
  admin.use(ap::bearer_auth("admin", [](std::string_view token) { return std::optional(user{std::string(token)}); }));
  admin.use(admins_only);
  admin.get("/", [](ap::request& req) { return "Welcome, " + req.state<user>().name + "\n"; });

  return ap::run(io, app, {.port = port});
}
