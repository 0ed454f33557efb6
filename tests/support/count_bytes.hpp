// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>

#include <cstddef>
#include <string>

namespace threat {

/// Reads a body as it comes, of a request or of a streamed answer; `n` is how many bytes there were, also on the way.
template <class Body>
asio::awaitable<void> count_bytes(Body& body, std::size_t& n) {
  while (true) {
    const auto piece = co_await body.read_some();
    if (piece.empty()) co_return;
    n += piece.size();
  }
}

/// The same as a handler, which answers with the number.
inline asio::awaitable<antiphon::response> count_body(antiphon::request& req) {
  std::size_t n = 0;
  co_await count_bytes(req, n);
  co_return std::to_string(n);
}

} // namespace threat
