// SPDX-License-Identifier: BSL-1.0
// expect: a body is a coroutine: asio::awaitable<void> f\(antiphon::body_writer&\)
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

ap::response answer() {
#ifdef RIGHT
  return ap::stream_body([](ap::body_writer& out) -> asio::awaitable<void> { co_await out.write("x"); });
#else
  return ap::stream_body([](ap::body_writer& out) { static_cast<void>(out.write("x")); });
#endif
}
