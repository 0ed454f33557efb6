// SPDX-License-Identifier: BSL-1.0
// expect: a function that blocks is given as antiphon::offloaded\(pool, f\)
#include <antiphon/jobs.hpp>

namespace ap = antiphon;

int blocks(ap::job&);

void submit(const ap::job_store<int>& jobs, [[maybe_unused]] asio::thread_pool& pool) {
#ifdef RIGHT
  jobs.submit(ap::offloaded(pool, blocks));
#else
  jobs.submit(blocks);
#endif
}
