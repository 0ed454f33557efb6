// SPDX-License-Identifier: BSL-1.0
// expect: `received` returns nothing, or std::optional<antiphon::response>
#include <antiphon/server/router.hpp>

#include <cstdint>

namespace ap = antiphon;

struct layer {
#ifdef RIGHT
  std::optional<ap::response> received(ap::request&, std::uint64_t) { return std::nullopt; }
#else
  ap::response received(ap::request&, std::uint64_t) { return ap::status::ok; }
#endif
};

void routes(ap::router& app) { app.use(layer()); }
