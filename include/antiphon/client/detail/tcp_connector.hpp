// SPDX-License-Identifier: BSL-1.0
// The connector of a client that was given no other.
#pragma once

#include <antiphon/client/detail/tcp_attempt.hpp>
#include <antiphon/core/detail/decl.hpp>

#include <memory>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Connects over TCP, to several addresses in turn until one answers, and to Unix sockets.
class tcp_connector final : public connector {
 public:
  std::string_view resolves(std::string_view host) const override { return host; }
  std::shared_ptr<void> connect(const connect_target& to, const asio::any_io_executor& executor, result done) override;
};

ANTIPHON_DECL std::shared_ptr<void> tcp_connector::connect(const connect_target& to,
                                                           const asio::any_io_executor& executor, result done) {
  if (!to.unix_socket.empty()) {
#if defined(ASIO_HAS_LOCAL_SOCKETS)
    asio::local::stream_protocol::endpoint end;
    try {
      end = asio::local::stream_protocol::endpoint(to.unix_socket);
    } catch (const system_error& e) { // too long
      return failed_attempt::post(e.code(), executor, std::move(done));
    }
    counted_ptr<unix_attempt> attempt(new unix_attempt(executor, std::move(done)));
    attempt->begin(end);
    return attempt_handle(attempt);
#else
    return failed_attempt::post(client_error::unix_unsupported, executor, std::move(done));
#endif
  }
  if (to.addresses.empty()) return failed_attempt::post(asio::error::host_not_found, executor, std::move(done));
  counted_ptr<tcp_attempt> attempt(new tcp_attempt(to.addresses, to.port, executor, std::move(done)));
  attempt->begin_next();
  return attempt_handle(attempt);
}

} // namespace detail
} // namespace v0
} // namespace antiphon
