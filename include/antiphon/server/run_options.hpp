// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/server/options.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

/// Where run() listens, and how.
struct run_options {
  std::uint16_t port = 8080;     ///< 0: one that is free; the banner says which
  std::string_view address = {}; ///< "127.0.0.1", "::1"; empty: all addresses, IPv4 and IPv6
  std::string_view path = {};    ///< of a Unix socket, in place of a port: as unix_listener
  unsigned mode = 0600;          ///< its permissions: 0660 lets its group connect
  /// Takes the sockets of socket activation where systemd has passed any (see inherited_listeners), else listens as the
  /// options above say.
  bool inherited = false;
  /// HANDLERS AND LAYERS RUN AT THE SAME TIME where this is more than one: what they capture by reference needs a mutex
  /// (topics, job stores and the layers that come with the library have theirs). That many contexts serve, each with a
  /// thread of its own; the caller's is the first, the others live inside run(). Each has a listener on the port
  /// (SO_REUSEPORT), or a share in the one Unix socket. Limits are of all of them together. All have drained before the
  /// first is destroyed. An exception that leaves one ends all at once, and is thrown by run().
  unsigned threads = 1;
  bool banner = true;  ///< say on stderr where it listens, and when it stops
  bool signals = true; ///< SIGINT and SIGTERM drain, a second one cuts
  serve_options serve{};
};
static_assert(std::is_trivially_destructible_v<run_options>);

} // namespace v0
} // namespace antiphon
