// SPDX-License-Identifier: BSL-1.0
// expect: give the transform a name first
#include <antiphon/core/pipe.hpp>
#include <antiphon/pubsub/topic.hpp>

#include <string>

namespace ap = antiphon;

asio::awaitable<void> copy(ap::subscription<std::string> from, ap::topic<std::string> to, std::string greeting) {
#ifdef RIGHT
  const auto greet = [greeting](const ap::message<std::string>& m) { return greeting + *m; };
  co_await ap::pipe(from, to, greet);
#else
  co_await ap::pipe(from, to, [greeting](const ap::message<std::string>& m) { return greeting + *m; });
#endif
}

#if !defined(RIGHT) && !defined(ANTIPHON_CO_AWAIT_DESTROYS_TEMPORARIES_TWICE)
#error "this compiler is right, and nothing is refused: it need not be said to give the transform a name first"
#endif
