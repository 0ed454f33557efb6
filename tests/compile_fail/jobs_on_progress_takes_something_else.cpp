// SPDX-License-Identifier: BSL-1.0
// expect: on_progress is a function void\(const antiphon::payload&\)
#include <antiphon/jobs/await_job.hpp>

namespace ap = antiphon;

asio::awaitable<int> wait(const ap::client& c, std::string url) {
#ifdef RIGHT
  const auto show = [](const ap::payload&) {};
#else
  const auto show = [](int) {};
#endif
  co_return co_await ap::jobs::await_job<int>(c, std::move(url), show);
}
