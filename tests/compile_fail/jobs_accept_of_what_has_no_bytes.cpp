// SPDX-License-Identifier: BSL-1.0
// expect: results are sent as bytes: .* or take the job by submit\(\) for this program alone
#include <antiphon/jobs.hpp>

namespace ap = antiphon;

struct point {
  int x, y;
};
asio::awaitable<point> work(ap::job&);

ap::response take(const ap::job_store<point>& jobs, [[maybe_unused]] ap::request& req) {
#ifdef RIGHT
  jobs.submit(work);
  return ap::status::accepted;
#else
  return jobs.accept(req, work);
#endif
}
