// SPDX-License-Identifier: BSL-1.0
// The program that every bar is measured with: public headers, default options but for the number of connections, every
// body built in its handler.
// usage: server PORT [--routes N] [--layers] [--locks] [--threads N] [--files DIR]
//   GET /                       a synchronous handler
//   GET /coro                   a coroutine
//   GET /api/v1/thingI/{id}     I from 0 to N - 1, 50 unless told otherwise
//   GET /sub                    a topic as server-sent events
//   GET /lp                     its next message, by long poll
//   GET /other                  its messages as a source that is no log: read by a coroutine
//   POST /pub                   publishes the body
//   POST /jobs, GET /jobs/{id}  jobs that never end
//   POST /upload                reads a body of any size, to nowhere
//   POST /form                  the same of each part of a form
//   GET /files/{path...}        the files of --files DIR
//   --layers                    request ids, metrics, an access log that is off, around every route; a time-out on each
//   --locks                     an io_context with locks (hint 1), which a program of one thread does not need
//   --threads N                 N contexts, with locks, on the same port
#include <antiphon/http/multipart_reader.hpp>
#include <antiphon/jobs.hpp>
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/server/files.hpp>
#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/metrics.hpp>
#include <antiphon/server/layers/request_id.hpp>
#include <antiphon/sse.hpp>

#include <asio/thread_pool.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace ap = antiphon;

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: server PORT [--routes N] [--layers] [--locks] [--threads N] [--files DIR]\n");
    return 2;
  }
  int routes = 50, threads = 1;
  bool layers = false, locks = false;
  const char* folder = nullptr;
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    layers |= word == "--layers";
    locks |= word == "--locks";
    if (word == "--routes" && i + 1 < argc) routes = std::atoi(argv[++i]);
    if (word == "--threads" && i + 1 < argc) threads = std::atoi(argv[++i]);
    if (word == "--files" && i + 1 < argc) folder = argv[++i];
  }

  ap::router app;
  ap::route_options each;
  if (layers) {
    app.use(ap::request_id());
    app.use(ap::metrics());
    app.use(ap::access_log().enable(false));
    each.timeout = std::chrono::seconds(5);
  }
  asio::io_context io(locks || threads > 1 ? 1 : ASIO_CONCURRENCY_HINT_UNSAFE);
  const ap::job_store<std::string> jobs(io, {.max_jobs = 20'000, .parked = 20'000});
  app.post("/jobs", [=](ap::request& req) {
    return jobs.accept(req, [](ap::job&) -> asio::awaitable<std::string> {
      co_await ap::sleep_for(std::chrono::hours(24));
      co_return std::string();
    });
  });
  app.mount("/jobs", jobs.routes());
  const auto hello = [](ap::request&) { return std::string("Hello, World!"); };
  const auto hello_later = [](ap::request&) -> asio::awaitable<ap::response> {
    co_return std::string("Hello, World!");
  };
  const auto thing = [](ap::request& req) { return std::string(req.param("id")); };
  const ap::topic<std::string> channel;
  app.get("/sub", [=](ap::request& req) { return ap::sse::stream(channel, req); });
  app.get("/lp", [=](ap::request& req) { return ap::polling::long_poll(channel, req); });
  app.get("/other", [=](ap::request& req) { return ap::sse::stream(channel.subscribe(), req); });
  app.post("/pub", [=](ap::request& req) {
    channel.publish(req.take_body());
    return ap::status::ok;
  });
  app.post("/upload",
           [](ap::request& req) -> asio::awaitable<ap::response> {
             std::uint64_t bytes = 0;
             for (;;) {
               const auto piece = co_await req.read_some();
               if (piece.empty()) break;
               bytes += piece.size();
             }
             co_return std::to_string(bytes);
           },
           {.max_body = ap::http::body_limits::unlimited, .streamed = true});
  app.post("/form",
           [](ap::request& req) -> asio::awaitable<ap::response> {
             std::uint64_t bytes = 0;
             ap::multipart_reader parts(req);
             while (auto* part = co_await parts.next_part())
               for (;;) {
                 const auto piece = co_await part->read_some();
                 if (piece.empty()) break;
                 bytes += piece.size();
               }
             co_return std::to_string(bytes);
           },
           {.max_body = ap::http::body_limits::unlimited, .streamed = true});
  std::optional<asio::thread_pool> disk;
  if (folder) app.get("/files/{path...}", ap::files(folder, disk.emplace(1)));
  app.get("/", hello, each);
  app.get("/coro", hello_later, each);
  for (int i = 0; i < routes; ++i) app.get("/api/v1/thing" + std::to_string(i) + "/{id}", thing, each);

  ap::run_options options;
  options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  options.serve.max_connections = 20'000;
  options.threads = static_cast<unsigned>(threads);
  return ap::run(io, app, options);
}
