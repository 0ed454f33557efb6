// SPDX-License-Identifier: BSL-1.0
// What of a client is no template, in one place.
#pragma once

#include <antiphon/client/client.hpp>
#include <antiphon/client/detail/client_connection_input.hpp>
#include <antiphon/client/detail/client_connection_io.hpp>
#include <antiphon/client/detail/client_state_life.hpp>
#include <antiphon/client/detail/client_state_pool.hpp>
#include <antiphon/client/detail/system_resolver_threads.hpp>
#include <antiphon/client/detail/tcp_connector.hpp>

namespace antiphon {
inline namespace v0 {

ANTIPHON_DECL client::owner::owner(asio::any_io_executor ex, const client_options& options)
    : state(new detail::client_state(std::move(ex), options)) {
  state->links = std::make_shared<detail::tcp_connector>();
  state->names = std::make_shared<system_resolver>();
}

ANTIPHON_DECL asio::awaitable<client_response> client::run(std::shared_ptr<const owner> self, client_request req) {
  detail::counted_ptr<detail::client_state> state(self->state);
  auto [ec, res] =
      co_await asio::async_initiate<const decltype(detail::tuple_awaitable)&, void(error_code, client_response)>(
          detail::initiate_call(), detail::tuple_awaitable, std::move(state), std::move(req));
  if (ec) throw system_error(ec, "a call of a client");
  co_return std::move(res);
}

} // namespace v0
} // namespace antiphon
