// SPDX-License-Identifier: BSL-1.0
// expect: the transform of a pipe is called with \(const T&\), where T is what the source yields
#include <antiphon/core/pipe.hpp>
#include <antiphon/pubsub/topic.hpp>

#include <string>

namespace ap = antiphon;

asio::awaitable<void> copy(ap::subscription<std::string> from, ap::topic<int> to) {
#ifdef RIGHT
  co_await ap::pipe(from, to, [](const ap::message<std::string>& m) { return std::stoi(*m); });
#else
  co_await ap::pipe(from, to, [](const std::string& text) { return std::stoi(text); });
#endif
}
