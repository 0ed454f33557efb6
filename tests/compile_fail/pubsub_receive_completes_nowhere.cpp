// SPDX-License-Identifier: BSL-1.0
// expect: async_receive completes on the executor of what waits, and this handler has none
#include <antiphon/pubsub/topic.hpp>

namespace ap = antiphon;

void wait(ap::subscription<int>& from, asio::io_context& io) {
  const auto show = [](ap::error_code, const ap::message<int>&) {};
#ifdef RIGHT
  from.async_receive(asio::bind_executor(io, show));
#else
  from.async_receive(show);
  static_cast<void>(io);
#endif
}
