// SPDX-License-Identifier: BSL-1.0
// expect: offloaded\(\) takes a function that blocks: Result f\(antiphon::job&\)
#include <antiphon/jobs.hpp>

namespace ap = antiphon;

int right(ap::job&);
int wrong();

void submit(const ap::job_store<int>& jobs, asio::thread_pool& pool) {
#ifdef RIGHT
  jobs.submit(ap::offloaded(pool, right));
#else
  jobs.submit(ap::offloaded(pool, wrong));
#endif
}
