// SPDX-License-Identifier: BSL-1.0
// expect: give on_progress a name first
#include <antiphon/jobs/await_job.hpp>

#include <memory>

namespace ap = antiphon;

asio::awaitable<int> wait(const ap::client& c, std::string url, std::shared_ptr<int> seen) {
#ifdef RIGHT
  const auto show = [seen](const ap::payload&) { ++*seen; };
  co_return co_await ap::jobs::await_job<int>(c, std::move(url), show);
#else
  co_return co_await ap::jobs::await_job<int>(c, std::move(url), [seen](const ap::payload&) { ++*seen; });
#endif
}

#if !defined(RIGHT) && !defined(ANTIPHON_CO_AWAIT_DESTROYS_TEMPORARIES_TWICE)
#error "this compiler is right, and nothing is refused: it need not be said to give on_progress a name first"
#endif
