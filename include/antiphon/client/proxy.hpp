// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/connector.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {

/// The limits of what a proxy may say before a tunnel is open.
struct proxy_options {
  std::uint32_t response_head = 16 * 1024; ///< bytes. More: client_error::proxy_bad_answer
  unsigned interim = 16;                   ///< 1xx before its answer. More: likewise
};
static_assert(std::is_aggregate_v<proxy_options> && std::is_trivially_destructible_v<proxy_options>);

/// A connector that reaches every host through an HTTP proxy, by CONNECT, also for http:
///
///     client.use(ap::make_proxy_connector("http://user:secret@127.0.0.1:3128"));
///
/// `url`: of the proxy; user and password percent-encoded, sent to it as Basic, and told nobody else. Its name is
/// resolved here, those of servers are left to it. client_options::connect covers all until the tunnel is open. Where
/// the proxy opens none, the call fails with a client_error: proxy_closed, proxy_bad_answer, or see proxy_status().
/// A Unix socket is on this machine, and connected to without the proxy.
///
/// `inner` connects to the proxy: over TCP where there is none; another proxy, or TLS for an https one. A connector for
/// TLS to the servers stands around this one, not below. No variable of the environment is read.
///
/// Throws std::invalid_argument, which does not repeat it, where `url` is none, or of a scheme that `inner` does not
/// take. Source: RFC 9110, sections 9.3.6 and 11.7; RFC 7617.
std::shared_ptr<connector> make_proxy_connector(std::string_view url, proxy_options options = {},
                                                std::shared_ptr<connector> inner = {});

} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/client/detail/proxy_connector.hpp>
#endif
