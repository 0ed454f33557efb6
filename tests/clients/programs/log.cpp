// SPDX-License-Identifier: BSL-1.0
// A topic with a short history, in every form in which it goes over the wire: for clients that are not of this project.
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  asio::io_context io;
  ap::topic<std::string> log({.history = 4});

  ap::router app;
  app.post("/publish", [=](ap::request& req) {
    log.publish(req.take_body());
    return ap::status::no_content;
  });
  app.get("/readers", [=] { return std::to_string(log.stats().readers); }); // streams, and polls that are held
  app.get("/now", [=](ap::request& req) { return ap::polling::short_poll(log, req, {.pace = 7s}); });
  app.get("/next", [=](ap::request& req) { return ap::polling::long_poll(log, req); });
  app.get("/raw/now",
          [=](ap::request& req) { return ap::polling::short_poll(log, req, {.as = ap::polling::form::raw}); });
  app.get("/raw/next",
          [=](ap::request& req) { return ap::polling::long_poll(log, req, {.as = ap::polling::form::raw}); });
  app.get("/stream", [=](ap::request& req) { return ap::sse::stream(log, req, {.retry = 1s}); });
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
