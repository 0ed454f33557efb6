// SPDX-License-Identifier: BSL-1.0
// The playground: a page on which one sends requests to this server, byte for byte, and sees what goes and comes, and
// when; a page on which one topic is read in three ways at once; and a page on which jobs are waited for in four ways.
// ./examples/run starts it on http://127.0.0.1:8080. The pages show the code below that answers each request.
//
//   $ curl -s -i localhost:8080/
//   > 200 OK[\s\S]*<title>antiphon
//   $ curl -s -i localhost:8080/lanes
//   > 200 OK[\s\S]*<title>antiphon
//   $ curl -s -d '' 'localhost:8080/lanes/rate?a-second=nan'; curl -s localhost:8080/lanes/setup
//   > "kept":250,"rate":0\.2
//   $ curl -s localhost:8080/jobs; curl -s -i -H 'Prefer: wait=9' -d '' 'localhost:8080/work?steps=2&ms=10'
//   > <title>antiphon: jobs[\s\S]*200 OK[\s\S]*Request-Bytes: [\s\S]*"progress":\{"n":2,"of":2,.*"result":"All 2 steps
//   $ curl -s -H 'Prefer: wait=9' -d '' 'localhost:8080/work?steps=2&ms=10&fails=once'
//   > "state":"succeeded",.*"attempt":2,
//   $ curl -s localhost:8080/jobs/counts
//   > "waiting":0,"running":0,"kept":2,"clients":0,"t":
//   $ curl -s localhost:8080/counts
//   > "open":[1-9]
//   $ curl -s -d 'no pieces' localhost:8080/raw
//   > the body is a list of
#include "jobs.hpp"
#include "lanes.hpp"
#include "page.hpp"
#include "raw.hpp"

#include <antiphon/polling.hpp>
#include <antiphon/server/layers/metrics.hpp>
#include <antiphon/sse.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

/// A number of a query, at most `most`.
unsigned number(ap::request& req, std::string_view name, unsigned usual, unsigned most) {
  const auto text = req.query(name);
  return text ? std::min(static_cast<unsigned>(std::strtoul(text->c_str(), nullptr, 10)), most) : usual;
}

void routes(const ap::router& app) {
  // hello
  app.get("/hello", [] { return "Hello from antiphon.\n"; });

  // greet
  app.get("/greet/{name}", [](ap::request& req) { return "Good day, " + std::string(req.param("name")) + "!\n"; });

  // echo
  app.post("/echo", [](ap::request& req) {
    const auto quote = ap::http::json_quote;
    return ap::json("{\"type\": " + quote(req.header("Content-Type")) + ", \"size\": " +
                    std::to_string(req.body().size()) + ", \"you_sent\": " + quote(req.body()) + "}\n");
  });

  // slow
  app.get("/slow", [](ap::request& req) -> asio::awaitable<std::string> {
    const auto ms = number(req, "ms", 1000, 8000);
    co_await ap::sleep_for(std::chrono::milliseconds(ms)); // no thread waits; cancelled if you hang up
    co_return "That took " + std::to_string(ms) + " ms, and no thread waited.\n";
  });

  // stream
  app.get("/stream", [](ap::request& req) {
    return ap::stream_body(
        [lines = number(req, "lines", 8, 50)](ap::body_writer& out) -> asio::awaitable<void> {
          for (unsigned i = 1; i <= lines; ++i) {
            const std::string line = "verse " + std::to_string(i) + " of " + std::to_string(lines) + "\n";
            co_await out.write(line); // waits where the client does not read
            co_await ap::sleep_for(200ms);
          }
        },
        "text/plain; charset=utf-8");
  });

  // hints
  app.get("/hints", [](ap::request& req) -> asio::awaitable<std::string> {
    ap::http::fields hints;
    hints.add("Link", "</style.css>; rel=preload; as=style");
    co_await req.send_interim(ap::status::early_hints, hints);
    co_await ap::sleep_for(400ms); // the page is being made; its style is on the way already
    co_return "Here is the page whose style you fetched meanwhile.\n";
  });

  // upload
  app.post("/upload", [](ap::request& req) { return std::to_string(req.body().size()) + " bytes arrived.\n"; },
           {.max_body = 256});

  // order
  app.post("/orders", [](ap::request& req) -> ap::response {
    const auto item = ap::http::query_value(req.body(), "item").value_or("");
    const auto count = std::atoi(ap::http::query_value(req.body(), "count").value_or("0").c_str());
    if (!item.empty() && count > 0) return ap::text("ordered\n", ap::status::created);
    std::string errors = item.empty() ? R"("item": "say what")" : "";
    if (count <= 0) errors += std::string(errors.empty() ? "" : ", ") + R"("count": "must be 1 or more")";
    return ap::problem(ap::status::unprocessable_content, "the order has mistakes").extra("errors", "{" + errors + "}");
  });

  // forget
  app.del("/things/{id}", [] { return ap::status::no_content; });
}

// One topic, three ways to read it. All give the same cursor, by which a reader goes on, in whichever way.
ap::router readers(const ap::topic<playground::tick>& ticks) {
  ap::router lane;
  // now
  lane.get("/now", [=](ap::request& req) { return ap::polling::short_poll(ticks, req, {.max_items = 500}); });

  // next
  lane.get("/next", [=](ap::request& req) { return ap::polling::long_poll(ticks, req, {.max_items = 500}); });

  // told
  lane.get("/stream", [=](ap::request& req) { return ap::sse::stream(ticks, req, {.retry = 1s}); });

  return lane.use(playground::for_the_page());
}

void conduct(const ap::router& app, playground::lanes& lanes) {
  app.get("/lanes/setup", [&] { return ap::json(lanes.setup()); });
  app.post("/lanes/publish", [&] {
    lanes.publish();
    return ap::status::no_content;
  });
  app.post("/lanes/rate", [&](ap::request& req) {
    lanes.rate(std::atof(req.query("a-second").value_or("1").c_str()));
    return ap::status::no_content;
  });
  app.post("/lanes/{lane}/cut", [&](ap::request& req) {
    lanes.cut(std::strtoul(std::string(req.param("lane")).c_str(), nullptr, 10));
    return ap::status::no_content;
  });
}

// Work that goes on behind the answer, whoever looks, and the ways to hear of it.
ap::router behind(const playground::job_store& jobs) {
  ap::router app;
  // accept
  app.post("/work", [=](ap::request& req) {
    const auto steps = number(req, "steps", 12, 100), ms = number(req, "ms", 500, 2000);
    const std::string fails = req.query("fails").value_or("");
    const auto work = [=](ap::job& job) -> asio::awaitable<std::string> {
      for (unsigned n = 1; n <= steps; ++n) {
        co_await ap::sleep_for(std::chrono::milliseconds(ms)); // where it is cancelled
        job.report(playground::step{n, steps});
        if (2 * n >= steps && (fails == "always" || (fails == "once" && job.attempt() == 1)))
          throw ap::job_failure(ap::problem(ap::status::unprocessable_content, "half of it was done"));
      }
      co_return "All " + std::to_string(steps) + " steps are done.";
    };
    return jobs.accept(req, work, {.attempts = fails == "once" ? 2u : 1u});
  });

  // ask
  app.mount("/work", jobs.routes()); // GET and DELETE /work/{id}, GET /work/{id}/events and /result

  return app.use(playground::for_the_page());
}

/// A page of this program's: it loads nothing from elsewhere, and talks to `peers` only.
ap::response page(std::string_view text, const std::string& peers = "'self'") {
  return ap::html(std::string(text))
      .set("Content-Security-Policy", "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' "
                                      "'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
                                      "frame-ancestors 'none'; connect-src " +
                                          peers)
      .set("Cache-Control", "no-store");
}

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  playground::lanes lanes;
  asio::io_context io;
  const auto jobs = playground::make_jobs(io);
  // A job that fails is no news to who runs this: the page has asked for it.
  jobs.on_error([](const ap::job_status&, std::exception_ptr) {});
  ap::metrics metrics;
  ap::router app;
  app.use(metrics);
  routes(app);
  conduct(app, lanes);
  app.get("/", [] { return page(playground::page); });
  app.get("/lanes", [&] { return page(playground::lanes_page, "'self'" + lanes.origins()); });
  app.get("/jobs", [] { return page(playground::jobs_page); });
  app.get("/jobs/counts", [=] { return ap::json(playground::counts(jobs)); });
  app.mount("", behind(jobs));
  app.get("/style.css", [] {
    return ap::text(std::string(playground::style)).set("Content-Type", "text/css").set("Cache-Control", "no-store");
  });
  app.get("/lane.js", [] {
    return ap::text(std::string(playground::script))
        .set("Content-Type", "text/javascript")
        .set("Cache-Control", "no-store");
  });
  app.get("/source", [] { return playground::source; });
  app.get("/metrics", metrics.handler(app));
  app.get("/counts", [counts = &app.counts()] {
    const auto member = [](const char* name, auto& n) {
      return std::string("\"") + name + "\":" + std::to_string(n.load());
    };
    return ap::json("{" + member("open", counts->open) + "," + member("handling", counts->handling) + "," +
                    member("answering", counts->answering) + "," + member("refused", counts->refused) + "}");
  });
  app.post("/raw", playground::raw(port), {.max_body = playground::raw::max_body});
  lanes.start(io, readers(lanes.ticks()), port);
  return ap::run(io, app, {.port = port});
}
