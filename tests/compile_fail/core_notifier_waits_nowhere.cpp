// SPDX-License-Identifier: BSL-1.0
// expect: async_wait\(asio::bind_executor\(executor, token\)\)
#include <antiphon/core/notifier.hpp>

namespace ap = antiphon;

void wait(asio::io_context& io, const ap::notifier& changed) {
  const auto woken = [](ap::error_code) {};
#ifdef RIGHT
  changed.async_wait(asio::bind_executor(io.get_executor(), woken));
#else
  static_cast<void>(io);
  changed.async_wait(woken);
#endif
}
