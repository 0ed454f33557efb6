// SPDX-License-Identifier: BSL-1.0
// A router with an answer of every kind, which counts what is alive.
#pragma once

#include "live_server.hpp"

#include <antiphon/core/notifier.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace threat {

using namespace antiphon;

using namespace std::chrono_literals;

/// What the routes below count. Handles and atomics: it must outlive the server.
struct threat_counts {
  census handlers;               ///< coroutine handlers that run
  census flows;                  ///< flows that are alive
  census bodies;                 ///< body coroutines that run
  census upgrades;               ///< upgrades that run
  notifier bell;                 ///< what /race and /notified wait for
  std::atomic<int> requests{0};  ///< handlers that were called
  std::atomic<int> cancelled{0}; ///< coroutine handlers that ended by cancellation
  std::atomic<int> drained{0};   ///< flows, bodies and upgrades that were told of the drain
};

/// A flow that holds its answer back until the server drains.
class held_flow final : public http::flow {
 public:
  explicit held_flow(threat_counts& counts) : alive_(counts.flows), counts_(counts) {}
  step run(http::exchange& to, event what) override {
    if (what != event::drain) return step::wait;
    ++counts_.drained;
    to.reply(http::text("come back later"));
    return step::end;
  }

 private:
  census::one alive_;
  threat_counts& counts_;
};

/// Puts the routes into `app`. `counts` must outlive the server.
///
/// /            a text
/// /big         300,000 bytes
/// /sleep       a coroutine that sleeps an hour
/// /deaf/{ms}   a coroutine that sleeps and cannot be cancelled
/// /spawn       a coroutine that waits for another one, which sleeps an hour
/// /soon        a coroutine that answers after 20 ms
/// /flow /held /flood /stubborn   flows
/// /body        a body coroutine that writes a line every 10 ms until the server drains
/// /gush        a body coroutine that writes as fast as the client reads
/// /talk        an upgrade that echoes until the client ends or the server drains
/// /mute        an upgrade that sleeps an hour
/// /hints       a coroutine that sends interim responses as fast as the client reads
/// /race        a coroutine that waits for a sleep, with a time-out, or a notifier, whichever is first
/// /notified    a flow that waits on a notifier
/// /post        POST: answers with the size of the body
/// /counts      how many handlers, flows, bodies and upgrades are alive
void add_threat_routes(const router& app, threat_counts& counts);

inline constexpr std::string_view upgrade_lines = "Connection: Upgrade\r\nUpgrade: talk\r\n";

} // namespace threat
