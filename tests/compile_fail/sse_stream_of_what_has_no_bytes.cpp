// SPDX-License-Identifier: BSL-1.0
// expect: sse::stream\(\) sends messages as bytes: write .antiphon::payload to_payload\(const T&\). beside the type
#include <antiphon/pubsub.hpp>
#include <antiphon/sse.hpp>

namespace ap = antiphon;

struct point {
  int x, y;
};
#ifdef RIGHT
ap::payload to_payload(const point& p) { return ap::payload::of(std::to_string(p.x), ap::json_type); }
#endif

ap::response answer(const ap::topic<point>& points, const ap::request& req) { return ap::sse::stream(points, req); }
