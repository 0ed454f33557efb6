// SPDX-License-Identifier: BSL-1.0
// expect: what this source yields is not what this sink takes: give pipe\(\) a third argument
#include <antiphon/core/pipe.hpp>
#include <antiphon/pubsub/topic.hpp>

#include <string>

namespace ap = antiphon;

asio::awaitable<void> copy(ap::subscription<std::string> from, ap::topic<int> to) {
#ifdef RIGHT
  co_await ap::pipe(from, to, [](const ap::message<std::string>& m) { return static_cast<int>(m->size()); });
#else
  co_await ap::pipe(from, to);
#endif
}
