// SPDX-License-Identifier: BSL-1.0
// Notifications: a line that is POSTed is seen by every connected browser (`new EventSource("/news/stream")`), and one
// that was away for a while misses nothing.
//
//   $ curl -s -i -d 'it rains' localhost:8080/news
//   > 202 Accepted
//   $ curl -s -N -m 1 'localhost:8080/news/stream?after=earliest'
//   > retry: 3000\n\nid: [0-9a-f]{16}\.0-1\ndata: it rains\n\n
//   $ (sleep 0.3; curl -s -d 'the sun is back' localhost:8080/news) & curl -s -N -m 1 localhost:8080/news/stream
//   > data: the sun is back\n\n
//   $ curl -s -i -N -m 1 -H 'Last-Event-ID: of another life of this program' localhost:8080/news/stream
//   > Antiphon-Resume: other-log\s[\s\S]*event: antiphon-other-log\n[\s\S]*data: it rains\n
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
  ap::topic<std::string> news({.history = 1000}); // a handle: handlers capture it by value

  ap::router app;
  app.post("/news", [=](ap::request& req) {
    news.publish(req.take_body());
    return ap::status::accepted;
  });
  app.get("/news/stream", [=](ap::request& req) { return ap::sse::stream(news, req, {.heartbeat = 15s}); });

  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
