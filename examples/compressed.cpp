// SPDX-License-Identifier: BSL-1.0
// Fewer bytes both ways: answers that are compressed, or not sent at all where the client has them, and bodies of
// requests that may come compressed.
//
//   $ curl -s -o /dev/null -D - -H 'Accept-Encoding: gzip' localhost:8080/measurements
//   > Vary: Accept-Encoding[\s\S]*Content-Encoding: gzip[\s\S]*ETag: W/"[0-9a-f]{32}"[\s\S]*Content-Length: \d{3,4}\r
//   $ curl -s --compressed localhost:8080/measurements
//   > \[\{"hour":0,"value":0\},[\s\S]*"hour":999
//   $ curl -si -H 'If-None-Match: *' localhost:8080/measurements
//   > ^HTTP/1.1 304
//   $ printf %1000s | gzip | curl -s -H 'Content-Encoding: gzip' --data-binary @- localhost:8080/size
//   > 1000 bytes
//   $ head -c 9999999 /dev/zero | gzip | curl -s -H 'Content-Encoding: gzip' --data-binary @- localhost:8080/size
//   > "status":413
//   $ curl -s --compressed localhost:8080/countdown
//   > 3\n2\n1\n
#include <antiphon/deflate.hpp>
#include <antiphon/server.hpp>
#include <antiphon/server/layers/etag.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

std::string measurements() {
  std::string all = "[";
  for (int hour = 0; hour < 1000; ++hour)
    all +=
        (hour ? ",{\"hour\":" : "{\"hour\":") + std::to_string(hour) + ",\"value\":" + std::to_string(hour % 24) + "}";
  return all + "]";
}

asio::awaitable<void> countdown(ap::body_writer& out) {
  for (int i = 3; i > 0; --i) {
    const std::string line = std::to_string(i) + "\n";
    co_await out.write(line); // is at the client when it is written, compressed or not
    co_await ap::sleep_for(100ms);
  }
}

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  asio::io_context io;
  ap::router app;
  app.use(ap::compression({.streams = true})).use(ap::decompression()).use(ap::etag());
  app.get("/measurements", [] { return ap::json(measurements()); });
  app.get("/countdown", [] { return ap::stream_body(countdown, "text/plain"); });
  app.post("/size", [](ap::request& req) { return std::to_string(req.body().size()) + " bytes\n"; });
  return ap::run(io, app, {.port = port});
}
