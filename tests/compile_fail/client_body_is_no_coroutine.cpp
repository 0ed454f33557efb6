// SPDX-License-Identifier: BSL-1.0
// expect: the body of a request is a coroutine
#include <antiphon/client/request.hpp>

namespace ap = antiphon;

void send(ap::client_request& req) {
#ifdef RIGHT
  req.stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write("x"); });
#else
  req.stream_body([](ap::body_writer&) {});
#endif
}
