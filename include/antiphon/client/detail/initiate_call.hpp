// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/detail/client_state.hpp>
#include <antiphon/client/detail/streamed_body.hpp>

#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Parks a handler in a call, and begins it.
struct initiate_call {
  bool bare = false;

  template <class Handler>
  void operator()(Handler handler, counted_ptr<client_state> state, client_request req) const {
    auto& at = *state;
    bool same = false;
    using executor = asio::associated_executor_t<Handler, asio::any_io_executor>;
    if constexpr (std::is_convertible_v<executor, asio::any_io_executor>)
      same = asio::any_io_executor(asio::get_associated_executor(handler, at.executor)) == at.executor;
    counted_ptr<client_layer_host> owner(&at);
    at.begin(*park<client_call>(std::move(handler), at.executor, std::move(owner), at, std::move(req), bare, same));
  }
};

} // namespace detail
} // namespace v0
} // namespace antiphon
