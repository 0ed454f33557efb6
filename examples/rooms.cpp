// SPDX-License-Identifier: BSL-1.0
// Rooms of a chat: each is a subject of one log. One room is read by its name, many by a pattern, on one stream and
// with one cursor. Who enters late sees the newest message first.
//
//   $ curl -s -i -d 'is there tea?' localhost:8080/rooms/kitchen
//   > 202 Accepted
//   $ curl -s -d 'hello' localhost:8080/rooms/garden.north; curl -s -N -m 1 localhost:8080/rooms/kitchen
//   > ^retry: 3000\n\nid: \S+\ndata: is there tea\?\n\n$
//   $ (sleep 0.3; curl -s -d 'hi' localhost:8080/rooms/garden.south) & curl -s -N -m 1 localhost:8080/rooms?like=*.*
//   > \{"subject":"rooms.garden.north","data":"hello"\}\n\nid: \S+\ndata: \{"subject":"rooms.garden.south","data":"h
//   $ curl -s -d yes localhost:8080/rooms/a; curl -s localhost:8080/log
//   > "items":\[\{"id":"\S+","subject":"rooms.kitchen"[\s\S]*"subject":"rooms.a","data":"yes"\}\]
//   $ curl -s -d 'x' localhost:8080/rooms/no%20spaces; curl -s localhost:8080/rooms?like=a..b
//   > "status":400[\s\S]*a subject is tokens[\s\S]*"status":400[\s\S]*a pattern is
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;

int main(int argc, char** argv) {
  asio::io_context io;
  ap::topic_map<std::string> rooms({.history = 100}); // messages of each room

  ap::router app;
  app.post("/rooms/{room}", [=](ap::request& req) -> ap::response {
    ap::error_code ec; // names come from clients: what is wrong with them is their mistake
    rooms.publish("rooms." + std::string(req.param("room")), req.take_body(), ec);
    if (ec) return ap::problem(ap::status::bad_request, ec.message());
    return ap::status::accepted;
  });
  app.get("/rooms/{room}", [=](ap::request& req) -> ap::response {
    ap::error_code ec;
    const auto room = rooms.open("rooms." + std::string(req.param("room")), ec);
    if (ec) return ap::problem(ap::status::bad_request, ec.message());
    return ap::sse::stream(room, req, {.from = ap::position::latest});
  });
  app.get("/rooms", [=](ap::request& req) -> ap::response {
    ap::error_code ec;
    const auto some = rooms.match("rooms." + req.query("like").value_or(">"), ec);
    if (ec) return ap::problem(ap::status::bad_request, ec.message());
    return ap::sse::stream(some, req, {.from = ap::position::latest}); // events say of which room they are
  });
  app.get("/log", [=](ap::request& req) { return ap::polling::short_poll(rooms, req); });

  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
