// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/decl.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/server/detail/socket_file.hpp>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/generic/stream_protocol.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// A socket that listens already, given to this process by what has started it.
struct inherited_listener {
  int descriptor = -1; ///< nobody else closes it
  int family = 0;      ///< AF_INET, AF_INET6, AF_UNIX
  std::string name;    ///< FileDescriptorName= of its socket unit; "" where none was given

  /// An acceptor of it, for async_serve: to be called once.
  auto acceptor(const asio::any_io_executor& executor) const {
    using made = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
    const auto handle = static_cast<made::native_handle_type>(descriptor);
    return made(executor, asio::generic::stream_protocol(family, 0), handle);
  }
};

/// The sockets of socket activation: systemd passes them as the descriptors 3, 4... and says so in LISTEN_PID,
/// LISTEN_FDS and LISTEN_FDNAMES. Empty where there are none, or they are another process's.
///
/// Sets close-on-exec on each, and removes the three variables, so that no program started from here takes them for
/// its own: a second call finds nothing. Call it before there are threads. Throws system_error with a sentence for
/// variables that cannot be read, and for descriptors that are no listening stream sockets (TCP or Unix).
///
/// Source: sd_listen_fds(3). ap::run does it by itself where its options say `.inherited = true`.
[[nodiscard]] ANTIPHON_DECL std::vector<inherited_listener> inherited_listeners();

} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/server/detail/inherited.hpp>
#endif
