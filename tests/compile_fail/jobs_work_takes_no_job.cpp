// SPDX-License-Identifier: BSL-1.0
// expect: the work of a job is called with \(antiphon::job&\)
#include <antiphon/jobs.hpp>

namespace ap = antiphon;

asio::awaitable<int> right(ap::job&);
asio::awaitable<int> wrong();

void submit(const ap::job_store<int>& jobs) {
#ifdef RIGHT
  jobs.submit(right);
#else
  jobs.submit(wrong);
#endif
}
