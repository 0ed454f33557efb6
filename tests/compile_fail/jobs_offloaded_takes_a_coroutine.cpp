// SPDX-License-Identifier: BSL-1.0
// expect: a coroutine needs no pool: give it to the store
#include <antiphon/jobs.hpp>

namespace ap = antiphon;

asio::awaitable<int> waits(ap::job&);

void submit(const ap::job_store<int>& jobs, [[maybe_unused]] asio::thread_pool& pool) {
#ifdef RIGHT
  jobs.submit(waits);
#else
  jobs.submit(ap::offloaded(pool, waits));
#endif
}
