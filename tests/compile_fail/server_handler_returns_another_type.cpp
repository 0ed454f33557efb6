// SPDX-License-Identifier: BSL-1.0
// expect: a type for which antiphon::response_from<T> is specialised
#include <antiphon/server/router.hpp>

#include <string>

namespace ap = antiphon;

struct point {
  int x, y;
};

#ifdef RIGHT
template <>
struct ap::response_from<point> {
  static ap::response make(const point& p) { return ap::json(std::to_string(p.x)); }
};
#endif

void routes(ap::router& app) {
  app.get("/point", [] { return point{1, 2}; });
}
