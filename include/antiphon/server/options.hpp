// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/time.hpp>
#include <antiphon/http/limits.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

/// Limits and time-outs of the connections of one async_serve, or of one run() with all its threads. Every one is per
/// connection but where it says otherwise; what happens beyond each is written beside it.
struct serve_options {
  http::head_limits head{};    ///< size of heads: 414, 431
  http::body_limits framing{}; ///< chunked framing: 400. `size` is not read: route_options::max_body is
  duration head_time = std::chrono::seconds(10); ///< for a whole head: 408; silently closed if nothing was sent
  duration body_idle = std::chrono::seconds(15); ///< between two reads of a body: 408
  std::uint32_t body_rate = 500;                 ///< bytes a second of a body, after body_rate_grace: 408; 0: any
  duration body_rate_grace = std::chrono::seconds(10);
  duration write_stall = std::chrono::seconds(30); ///< without progress while the client does not read: closed
  duration keep_alive = std::chrono::seconds(60);  ///< between two requests: closed
  std::uint32_t max_requests = 10'000;             ///< on one connection: then `Connection: close`
  std::size_t max_connections = 10'000;            ///< of this server, also 90 % of RLIMIT_NOFILE: 503 beyond
  std::size_t max_per_address = 0; ///< connections of one address: 503 beyond; 0: any number. Not of Unix sockets
  std::uint64_t max_bodies = 256 * 1024 * 1024; ///< bytes of collected bodies of all connections: 503
  std::size_t max_ahead = 32 * 1024;            ///< bytes read ahead while a handler runs or an answer is under way
  std::size_t max_pipelined = 64;               ///< requests answered before their answers are written
  duration drain = std::chrono::seconds(10);    ///< at stop: what is not over by then is cut
  duration linger = std::chrono::seconds(1);    ///< reading on after a refusal, so that the client sees the answer
  std::size_t linger_bytes = 64 * 1024;         ///< likewise
  bool half_close = false; ///< a client that has shut down its sending side while a handler waits is still there
  bool error_page = false; ///< for development only: a 500 shows the client what has escaped from its handler
  bool secure = false;     ///< what request::scheme() says
  /// Each connection begins with a PROXY header, version 1 or 2, that says whose it is: request::peer() is then that
  /// client. Whoever may connect is believed, so only where nobody but the proxy can: a Unix socket, 127.0.0.1, a
  /// firewall. No header, a wrong one, or none within head_time: closed.
  bool proxy_protocol = false;
  std::uint16_t proxy_header = 4096;         ///< bytes of a PROXY header of version 2: closed beyond
  std::string_view server_name = "antiphon"; ///< the Server field; empty: none. Must outlive the server
};
static_assert(std::is_trivially_destructible_v<serve_options>);

} // namespace v0
} // namespace antiphon
