// SPDX-License-Identifier: BSL-1.0
// A first server: text, a path parameter, a query parameter. Ctrl-C lets the answers under way end, then it returns.
//
//   $ curl -s localhost:8080/
//   > Hello, World!
//   $ curl -s localhost:8080/greet/Ada%20Lovelace
//   > Good day, Ada Lovelace!
//   $ curl -s 'localhost:8080/greet/Ada?greeting=Ahoy'
//   > Ahoy, Ada!
//   $ curl -s -o /dev/null -w '%{http_code}' -X DELETE localhost:8080/
//   > 405
#include <antiphon/server.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  asio::io_context io;
  ap::router app;

  app.get("/", [] { return "Hello, World!\n"; });
  app.get("/greet/{name}", [](ap::request& req) {
    const std::string greeting = req.query("greeting").value_or("Good day");
    return greeting + ", " + std::string(req.param("name")) + "!\n";
  });

  return ap::run(io, app, {.port = port});
}
