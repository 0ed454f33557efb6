// SPDX-License-Identifier: BSL-1.0
// expect: async_collect completes on the executor of what waits, and this handler has none
#include <antiphon/pubsub/topic.hpp>

#include <vector>

namespace ap = antiphon;

void wait(ap::subscription<int>& from, asio::io_context& io) {
  const auto show = [](ap::error_code, const std::vector<ap::message<int>>&) {};
#ifdef RIGHT
  from.async_collect(2, std::chrono::seconds(1), asio::bind_executor(io, show));
#else
  from.async_collect(2, std::chrono::seconds(1), show);
  static_cast<void>(io);
#endif
}
