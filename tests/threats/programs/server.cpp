// SPDX-License-Identifier: BSL-1.0
// Servers whose whole life is a test: they are started as processes, so that the leak checker judges how they end.
//
//   server HOW ORDER [THREADS]
//     HOW    run, run-stop, run-throw: by ap::run, until SIGTERM, io.stop() or an exception
//            own-stop, own-throw: by async_serve on a context of the program's own
//     ORDER  before, after: whether what the routes use is declared before or after the context
//   server port NUMBER             listens on that port
//   server files NUMBER            serves with room for that many files
//   server inherited THREADS       serves the sockets that it was given; /left says what is left of the variables
#include "../threat_app.cpp"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <sys/resource.h>

namespace {

namespace ap = antiphon;
namespace t = threat;
using namespace std::chrono_literals;

struct program_error : std::runtime_error {
  program_error() : runtime_error("an exception of the program's own") {}
};

void add_ends(const ap::router& app, asio::io_context& io) {
  app.get("/stop", [&io] {
    io.stop();
    return "stopped";
  });
  app.get("/throw", [&io] {
    asio::post(io, [] { throw program_error(); });
    return "thrown";
  });
}

/// Serves until the end. `threads` is run's; 0: without run.
int serve(asio::io_context& io, const ap::router& app, unsigned threads) {
  try {
    if (threads != 0) {
      return ap::run(io, app, {.port = 0, .address = "127.0.0.1", .threads = threads, .serve = {.drain = 1s}});
    }
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    std::fprintf(stderr, "listening on http://127.0.0.1:%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
    ap::async_serve(std::move(acceptor), app, [](ap::error_code) {});
    io.run();
  } catch (const program_error&) {
    std::fprintf(stderr, "caught\n");
  }
  return 0;
}

int after(unsigned threads) {
  asio::io_context io(1);
  t::threat_counts counts;
  ap::router app;
  t::add_threat_routes(app, counts);
  add_ends(app, io);
  return serve(io, app, threads);
}

int before(unsigned threads) {
  t::threat_counts counts;
  ap::router app;
  int code = 0;
  {
    asio::io_context io(1);
    t::add_threat_routes(app, counts);
    add_ends(app, io);
    code = serve(io, app, threads);
  }
  const int left = counts.handlers.now() + counts.flows.now() + counts.bodies.now() + counts.upgrades.now();
  if (left != 0) std::fprintf(stderr, "%d are still alive without their context\n", left);
  return left != 0 ? 3 : code;
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view how = argc > 1 ? argv[1] : "";
  const std::string_view what = argc > 2 ? argv[2] : "";
  if (how == "inherited") {
    asio::io_context io(1);
    ap::router app;
    app.get("/left", [] {
      std::string text;
      for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        if (std::getenv(name)) text.append(name).append(" ");
      for (const int descriptor : {3, 4})
        text += (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0 ? "closed " : "open ";
      return text;
    });
    app.get("/peer", [](ap::request& req) { return req.peer(); });
    return ap::run(io, app,
                   {.port = 0,
                    .address = "127.0.0.1",
                    .inherited = true,
                    .threads = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1)});
  }
  if (how == "port" || how == "files") {
    const auto number = static_cast<unsigned>(std::atoi(argv[2]));
    t::threat_counts counts;
    asio::io_context io(1);
    ap::router app;
    t::add_threat_routes(app, counts);
    if (how == "port") return ap::run(io, app, {.port = static_cast<std::uint16_t>(number), .address = "127.0.0.1"});
    const rlimit few{number, number};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 4;
    return ap::run(io, app, {.port = 0, .address = "127.0.0.1", .serve = {.drain = 1s}});
  }
  const unsigned threads = how.substr(0, 3) == "run" ? argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 1 : 0;
  return what == "before" ? before(threads) : after(threads);
}
