// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/decl.hpp>
#include <antiphon/server/router.hpp>
#include <antiphon/server/run_options.hpp>

namespace antiphon {
inline namespace v0 {

/// Listens, says where, and serves `app` on `io` until SIGINT or SIGTERM; then drains and returns. For main():
/// `return ap::run(io, app, {.port = 8080});`
///
/// Runs `io` in this thread, with all else that the program does there, and returns when every connection is over (or
/// the program called io.stop()). Returns 0, or 1 after a sentence on stderr: the port is taken or not allowed, a
/// handler still runs. Exceptions that leave a handler of the program's own on `io` pass through, when the other
/// threads have ended. Throws as async_serve for a router that is wrong.
[[nodiscard]] ANTIPHON_DECL int run(asio::io_context& io, router app, const run_options& options = {});

} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/server/detail/runner.hpp>
#endif
