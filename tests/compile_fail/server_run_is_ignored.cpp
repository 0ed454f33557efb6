// SPDX-License-Identifier: BSL-1.0
// expect: nodiscard|warn_unused_result|unused-result
#include <antiphon/server.hpp>

#include <string>

namespace ap = antiphon;

int main() {
  asio::io_context io;
  ap::router app;
#ifdef RIGHT
  return ap::run(io, app);
#else
#pragma GCC diagnostic error "-Wunused-result"
  ap::run(io, app);
#endif
}
