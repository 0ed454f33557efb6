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

/// The limits and time-outs of a client. An origin is a scheme, a host and a port, or a Unix socket. Time-outs are
/// rounded up to 100 ms; `duration::max()` is none.
struct client_options {
  std::size_t connections = 16;       ///< to one origin at the same time
  std::size_t waiting = 256;          ///< calls that wait for one of them, an origin. More: client_error::pool_full
  std::size_t idle_connections = 256; ///< kept for later, of all origins. More: the one that is done is closed
  duration wait = std::chrono::seconds(5);         ///< for a connection to be free. Over: pool_timeout
  duration idle_expiry = std::chrono::seconds(30); ///< an idle connection is closed then
  duration max_age = std::chrono::minutes(5);      ///< a connection is not used again then; 0: none
  duration dns = std::chrono::seconds(5);          ///< for a name. Over: dns_timeout
  duration connect = std::chrono::seconds(5);      ///< for a connection. Over: connect_timeout
  duration send = std::chrono::seconds(30);        ///< without progress in sending. Over: send_timeout
  duration first_byte = std::chrono::seconds(60);  ///< from the end of the request. Over: first_byte_timeout
  duration idle = std::chrono::seconds(30);        ///< between bytes of an answer. Over: idle_timeout
  duration total = (duration::max)();              ///< for all of a call, redirects included. Over: total_timeout
  std::uint32_t response_head = 64 * 1024;         ///< bytes. More: http::error::head_too_large
  std::uint64_t max_body = 16 * 1024 * 1024;       ///< bytes collected. More: http::error::body_too_large
  unsigned interim = 16;                           ///< 1xx of one call. More: http::error::too_many_interim_responses
  unsigned redirects = 5;                          ///< followed; 0: the 3xx is the answer. More: too_many_redirects
  bool allow_downgrade = false;                    ///< follow redirects from https to http
  std::string_view user_agent = "antiphon";        ///< copied; empty: no field
  std::string_view unix_socket{};                  ///< copied; a path: all calls go there, whatever their host
};
static_assert(std::is_aggregate_v<client_options> && std::is_trivially_destructible_v<client_options>);

} // namespace v0
} // namespace antiphon
