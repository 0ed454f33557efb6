// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/decl.hpp>
#include <antiphon/server/options.hpp>
#include <antiphon/server/router.hpp>

#include <cstdint>
#include <string_view>

namespace antiphon {
inline namespace v0 {

/// Where run() listens, and how.
struct run_options {
  std::uint16_t port = 8080;     ///< 0: one that is free; the banner says which
  std::string_view address = {}; ///< "127.0.0.1", "::1"; empty: all addresses, IPv4 and IPv6
  /// More than one: that many contexts, each with a thread and a listener of its own on the port. HANDLERS OF THE
  /// ROUTER THEN RUN AT THE SAME TIME: what they capture by reference needs a mutex.
  unsigned threads = 1;
  bool banner = true;  ///< say on stderr where it listens, and when it stops
  bool signals = true; ///< SIGINT and SIGTERM drain, a second one cuts
  serve_options serve{};
};

/// Listens, says where, and serves `app` on `io` until SIGINT or SIGTERM; then drains and returns. For main():
/// `return ap::run(io, app, {.port = 8080});`
///
/// Runs `io` in this thread, with all else that the program does there, and returns when every connection is over (or
/// the program called io.stop()). Returns 0, or 1 after a sentence on stderr: the port is taken or not allowed, a
/// handler still runs. Exceptions that leave a handler of the program's own on `io` pass through. Throws as
/// async_serve for a router that is wrong.
[[nodiscard]] ANTIPHON_DECL int run(asio::io_context& io, router app, const run_options& options = {});

} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/server/detail/runner.hpp>
#endif
