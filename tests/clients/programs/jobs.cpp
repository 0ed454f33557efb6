// SPDX-License-Identifier: BSL-1.0
// Jobs of several kinds, over the wire: for clients that are not of this project. What the clients say decides how far
// they go: POST /step lets all that wait go on by one.
#include <antiphon/core/notifier.hpp>
#include <antiphon/jobs.hpp>
#include <antiphon/server.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

ap::notifier bell;
int steps = 0;

/// Waits until so many steps were made.
asio::awaitable<void> reach(int step) {
  for (auto seen = bell.count(); steps < step; seen = bell.count()) co_await bell.async_wait(seen, asio::use_awaitable);
}

asio::awaitable<std::string> work(ap::job& job, std::string kind) {
  if (kind == "now") co_return "at once";
  if (kind == "problem")
    throw ap::job_failure(
        ap::problem(ap::status::unprocessable_content).detail("this is no picture").extra("line", "3"));
  if (kind == "secret") throw std::runtime_error("the password is 123");
  const int begun = steps;
  if (kind == "large") {
    co_await reach(begun + 1);
    co_return std::string(5'000'000, 'r');
  }
  for (int percent = 25; percent < 100; percent += 25) { // "steps"
    co_await reach(begun + percent / 25);
    if (kind == "bytes") {
      job.report(ap::shared_buffer(std::string("\0\xff", 2)));
    } else {
      job.report(percent);
    }
  }
  co_await reach(begun + 4);
  co_return "after four steps";
}

} // namespace

int main(int argc, char** argv) {
  asio::io_context io;
  const ap::job_store<std::string> jobs(io, {.max_jobs = 40, .max_input = 1000, .pace = 7s});
  jobs.on_error([](const ap::job_status&, std::exception_ptr) {});
  ap::router app;
  app.post("/jobs/{kind}", [=](ap::request& req) {
    const std::string kind(req.param("kind"));
    return jobs.accept(req, [kind](ap::job& job) { return work(job, kind); }, {.at = "/jobs"});
  });
  app.mount("/jobs", jobs.routes([](const ap::request& req) { return req.header("Authorization") == "operator"; }));
  app.post("/step", [] {
    ++steps;
    bell.notify_all();
    return ap::status::no_content;
  });
  app.get("/waiting", [=] { return std::to_string(jobs.counts().parked); });
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
