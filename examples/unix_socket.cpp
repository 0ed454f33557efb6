// SPDX-License-Identifier: BSL-1.0
// A server on a Unix socket beside the one on a port: for a proxy or for tools on the same machine, and for nobody
// else. Its name and its permissions are those of a file; the one that a crash has left there is replaced.
//
//   $ curl -s localhost:8080/
//   > hello from 127\.0\.0\.1:\d+
//   $ curl -s -o /dev/null -w '%{http_code}' -d 'let me in' localhost:8080/admin/note
//   > 404
//   $ curl -s --unix-socket $(curl -s localhost:8080/where) http://localhost/
//   > hello from unix:
//   $ curl -s --unix-socket $(curl -s localhost:8080/where) -X POST http://localhost/admin/note -d 'all is well'
//   > noted: all is well
//   $ stat -c '%a %F' $(curl -s localhost:8080/where)
//   > 600 socket
#include <antiphon/server.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace ap = antiphon;

int main(int argc, char** argv) {
  const std::string port = argc > 1 ? argv[1] : "8080";
  const std::string path = "/tmp/antiphon-example-" + port + ".sock";
  asio::io_context io;

  ap::router app;
  const auto hello = [](ap::request& req) { return "hello from " + req.peer() + "\n"; };
  app.get("/", hello);
  app.get("/where", [path] { return path; });

  ap::router inside; // who may open the file may do this
  inside.get("/", hello);
  inside.post("/admin/note", [](ap::request& req) { return "noted: " + req.take_body() + "\n"; });

  // With a Unix socket alone: ap::run(io, inside, {.path = path, .mode = 0660}).
  asio::cancellation_signal stop;
  try {
    ap::async_serve(ap::unix_listener(io.get_executor(), path, 0600), inside,
                    asio::bind_cancellation_slot(stop.slot(), [](ap::error_code) {}));
  } catch (const ap::system_error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  const int code = ap::run(io, app, {.port = static_cast<std::uint16_t>(std::atoi(port.c_str()))});
  stop.emit(asio::cancellation_type::partial); // the other server drains too, and removes its file
  io.restart();
  io.run();
  return code;
}
