// SPDX-License-Identifier: BSL-1.0
// Work that takes longer than a request may: the client gets a handle at once, and then asks, waits, follows or cancels
// by it. What a job waits for holds no thread.
//
//   $ curl -s -i -d 'the tides' localhost:8080/jobs
//   > ^HTTP/1.1 202 [\s\S]*Location: /jobs/[0-9a-f]{32}\s[\s\S]*Retry-After: 1\s[\s\S]*"state":"pending"
//   $ J=localhost:8080$(curl -s -o /dev/null -w '%header{location}' -d tea localhost:8080/jobs); curl -s -i $J
//   > ^HTTP/1.1 200 [\s\S]*ETag: "\d+"\s[\s\S]*"state":"(pending|running)"
//   $ curl -s -i -H 'Prefer: wait=10' -d 'the moon' localhost:8080/jobs
//   > ^HTTP/1.1 200 [\s\S]*Preference-Applied: wait=10\s[\s\S]*"progress":100,"result":"All about the moon\."
//   $ J=localhost:8080$(curl -s -o /dev/null -w '%header{location}' -d tea localhost:8080/jobs); curl -s -N $J/events
//   > event: progress\ndata: 10\n\n[\s\S]*event: progress\ndata: 100\n\n[\s\S]*event: state\ndata: \{.*"succeeded"
//   $ J=localhost:8080$(curl -s -o /dev/null -w '%header{location}' -d x localhost:8080/jobs); curl -s -X DELETE $J
//   > "state":"cancelled".*"title":"Cancelled"|"cancelling":true
//   $ K='Idempotency-Key: "order-7"'; for i in 1 2; do curl -s -H "$K" -d 'the sun' localhost:8080/jobs; echo; done
//   > "id":"([0-9a-f]{32})".*\n.*"id":"\1"
//   $ curl -s -H 'Idempotency-Key: "order-7"' -d 'another' localhost:8080/jobs
//   > "status":422,.*Idempotency-Key
//   $ curl -s -H 'Prefer: wait=10' -d 'Atlantis' localhost:8080/jobs
//   > "state":"failed".*"status":404,"detail":"nothing is known about Atlantis"
//   $ curl -s -i localhost:8080/jobs; curl -s -H 'Authorization: Bearer 1234' localhost:8080/jobs?limit=2
//   > ^HTTP/1.1 403 [\s\S]*\{"jobs":\[\{"id":"[0-9a-f]{32}".*"state":"failed".*\},\{.*\}\]\}$
#include <antiphon/http/same_secret.hpp>
#include <antiphon/jobs.hpp>
#include <antiphon/server.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

asio::awaitable<std::string> write_report(std::string about, ap::job& job) {
  for (int percent = 10; percent <= 100; percent += 10) {
    co_await ap::sleep_for(100ms); // a database, another service: it is cancelled here, where it waits
    job.report(percent);
    if (about == "Atlantis") // its clients are told why; of any other exception they are told nothing but 500
      throw ap::job_failure(ap::problem(ap::status::not_found, "nothing is known about " + about));
  }
  co_return "All about " + about + ".";
}

int main(int argc, char** argv) {
  asio::io_context io;
  ap::job_store<std::string> jobs(io, {.max_jobs = 1000, .max_running = 16, .keep_for = 10min, .pace = 1s});

  ap::router app;
  app.post("/jobs", [=](ap::request& req) -> ap::response {
    if (req.body().empty()) return ap::problem(ap::status::bad_request, "say what the report is to be about");
    return jobs.accept(req, [about = req.take_body()](ap::job& job) { return write_report(about, job); });
  });
  // GET /jobs/{id}, /jobs/{id}/events, /jobs/{id}/result, DELETE /jobs/{id}; and GET /jobs, for operators.
  app.mount("/jobs", jobs.routes([](const ap::request& req) {
    return ap::same_secret(req.header("Authorization"), "Bearer 1234"); // the handle of each job is in the list
  }));

  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
