// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

/// How many jobs a store takes, and for how long it keeps them.
struct job_store_options {
  std::size_t max_jobs = 10'000;                     ///< that wait, run or have ended; beyond: 503
  std::size_t max_running = 64;                      ///< at the same time; the others wait
  duration keep_for = std::chrono::minutes(10);      ///< after the end; then 404
  bool forget_ended = false;                         ///< where it is full, the job that ended first makes room
  std::uint64_t max_input = std::uint64_t{64} << 20; ///< bytes that the jobs hold which have not ended; beyond: 503
  std::size_t history = 100;                         ///< messages of progress that are kept of each job
  std::size_t history_bytes = std::size_t{1} << 20;  ///< bytes of them
  duration hold = std::chrono::seconds(30);          ///< the longest `Prefer: wait`
  std::size_t parked = 10'000;                       ///< clients that wait by it; beyond: 503
  duration pace = std::chrono::seconds(2);           ///< Retry-After of a job that has not ended; whole seconds
  duration grace = std::chrono::seconds(5);          ///< for work that was cancelled; then it has ended for its clients
  std::size_t failures = 100;                        ///< the last so many that failed for good are listed
};
static_assert(std::is_aggregate_v<job_store_options> && std::is_trivially_destructible_v<job_store_options>);

/// What one job may do.
struct job_options {
  int priority = 0;                              ///< higher ones run first; equal ones in the order of their coming
  duration deadline = {};                        ///< from the acceptance to the end; zero: none
  unsigned attempts = 1;                         ///< in all, where the work fails with an exception
  duration first_wait = std::chrono::seconds(1); ///< before the second: at random up to this,
  duration most_wait = std::chrono::minutes(1);  ///< doubled with each one, up to that
  std::uint64_t input = 0;                       ///< bytes that the work holds, beside the body of the request
  std::string_view at = {};    ///< accept(): where the routes of the store are mounted; empty: the request's path
  std::string_view scope = {}; ///< accept(): whose Idempotency-Keys they are, the user for one
};
static_assert(std::is_aggregate_v<job_options> && std::is_trivially_destructible_v<job_options>);

} // namespace v0
} // namespace antiphon
