// SPDX-License-Identifier: BSL-1.0
// expect: let the work return a std::shared_ptr of it
#include <antiphon/jobs.hpp>

#include <memory>

namespace ap = antiphon;

#ifdef RIGHT
using result = std::shared_ptr<int>;
#else
using result = std::unique_ptr<int>;
#endif

asio::awaitable<void> wait(ap::job_handle<result> of) { const auto got = co_await of.result(); }
