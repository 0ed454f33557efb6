// SPDX-License-Identifier: BSL-1.0
// What the page of jobs reads: jobs that take as long as it says, and tell after each step how far they are.
#pragma once

#include "lanes.hpp"

#include <antiphon/jobs.hpp>

#include <string>

namespace playground {

using job_store = ap::job_store<std::string>;

/// Few run at once, so that the others are seen to wait.
inline job_store make_jobs(asio::io_context& io) {
  return job_store(io, {.max_jobs = 200, .max_running = 3, .forget_ended = true, .pace = 1s});
}

/// A step that is done, of how many, and when.
struct step {
  unsigned n, of;
  ap::time_point at = ap::clock::now();
};
inline ap::payload to_payload(const step& s) {
  return ap::payload::of("{\"n\":" + std::to_string(s.n) + ",\"of\":" + std::to_string(s.of) +
                             ",\"t\":" + as_json(s.at) + "}",
                         ap::json_type);
}

/// How many there are; and the server's clock, by which the page tells how late it hears of something.
inline std::string counts(const job_store& jobs) {
  const auto now = jobs.counts();
  return "{\"waiting\":" + std::to_string(now.pending) + ",\"running\":" + std::to_string(now.running) +
         ",\"kept\":" + std::to_string(now.over) + ",\"clients\":" + std::to_string(now.parked) +
         ",\"t\":" + as_json(ap::clock::now()) + "}";
}

} // namespace playground
