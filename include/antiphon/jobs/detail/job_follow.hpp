// SPDX-License-Identifier: BSL-1.0
// Waiting for a job of another program, whatever its result is.
#pragma once

#include <antiphon/client/client.hpp>
#include <antiphon/core/detail/decl.hpp>
#include <antiphon/core/payload.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/jobs/detail/remote_status.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace jobs {

/// How await_job() waits.
struct await_options {
  bool events = true;                                   ///< follow by server-sent events where they are offered
  duration wait = std::chrono::seconds(30);             ///< else by `Prefer: wait`, whole seconds; zero: by polls
  duration pace = std::chrono::seconds(2);              ///< of polls, where the server does not say
  duration longest_pace = std::chrono::minutes(1);      ///< what the server says (Retry-After) is bounded by it
  duration first_wait = std::chrono::milliseconds(500); ///< after a failure: at random up to this,
  duration most_wait = std::chrono::seconds(30);        ///< doubled with each one in a row, up to that
  unsigned attempts = 10;                               ///< so many failures in a row: error::lost; 0: never
  std::uint64_t max_body = std::uint64_t{16} << 20;     ///< bytes of a status, the result among them
  bool cancel_job = true;                               ///< where the waiting is cancelled, so is the job
};
static_assert(std::is_aggregate_v<await_options> && std::is_trivially_destructible_v<await_options>);

namespace detail {

struct progress_hook {
  virtual ~progress_hook() = default;
  virtual void call(const payload& p) = 0;
};

/// The status of one that has succeeded; throws for any other.
ANTIPHON_DECL asio::awaitable<remote_status> follow_job(client c, std::string url, await_options options,
                                                        std::shared_ptr<progress_hook> hook);
ANTIPHON_DECL asio::awaitable<std::string> submit_job(client c, client_request req);

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
