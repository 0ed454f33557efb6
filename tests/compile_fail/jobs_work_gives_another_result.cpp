// SPDX-License-Identifier: BSL-1.0
// expect: the work returns something else than the Result of its job_store<Result>
#include <antiphon/jobs.hpp>

#include <string>

namespace ap = antiphon;

asio::awaitable<std::string> text(ap::job&);
asio::awaitable<int> number(ap::job&);

void submit(const ap::job_store<std::string>& jobs) {
#ifdef RIGHT
  jobs.submit(text);
#else
  jobs.submit(number);
#endif
}
