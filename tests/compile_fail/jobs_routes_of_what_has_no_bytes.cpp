// SPDX-License-Identifier: BSL-1.0
// expect: results are sent as bytes: write .antiphon::payload to_payload\(const Result&\). beside the type of the
// result
#include <antiphon/jobs.hpp>

#include <string>

namespace ap = antiphon;

struct point {
  int x, y;
};
#ifdef RIGHT
ap::payload to_payload(const point& p) { return ap::payload::of(std::to_string(p.x), ap::json_type); }
#endif

ap::router routes(const ap::job_store<point>& jobs) { return jobs.routes(); }
