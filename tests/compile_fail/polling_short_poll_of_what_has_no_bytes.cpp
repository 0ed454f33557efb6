// SPDX-License-Identifier: BSL-1.0
// expect: short_poll\(\) sends messages as bytes: write .antiphon::payload to_payload\(const T&\). beside the type
#include <antiphon/polling.hpp>
#include <antiphon/pubsub.hpp>

namespace ap = antiphon;

struct point {
  int x, y;
};
#ifdef RIGHT
ap::payload to_payload(const point& p) { return ap::payload::of(std::to_string(p.x), ap::json_type); }
#endif

ap::response answer(const ap::topic<point>& points, const ap::request& req) {
  return ap::polling::short_poll(points, req);
}
