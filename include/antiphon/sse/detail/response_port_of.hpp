// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/response.hpp>

namespace antiphon {
inline namespace v0 {
namespace sse {
namespace detail {

// The way to a streamed answer's port, for reading it without a coroutine: what client_response_access does not offer
// yet. An explicit instantiation may name what is private.
v0::detail::response_lease& lease_of(client_response& r) noexcept;
template <v0::detail::response_lease client_response::*Member>
struct lease_access {
  friend v0::detail::response_lease& lease_of(client_response& r) noexcept { return r.*Member; }
};
template struct lease_access<&client_response::lease_>;

/// Null where the body is none, or was collected.
inline v0::detail::response_port* port_of(client_response& r) noexcept { return lease_of(r).get(); }

} // namespace detail
} // namespace sse
} // namespace v0
} // namespace antiphon
