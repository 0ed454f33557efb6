// SPDX-License-Identifier: BSL-1.0
// expect: its second argument is where files are looked up and read: an asio::thread_pool, or an executor
#include <antiphon/server/files.hpp>

namespace ap = antiphon;

ap::files_handler serve([[maybe_unused]] asio::thread_pool& pool) {
#ifdef RIGHT
  return ap::files("./public", pool, {.index = "index.html"});
#else
  return ap::files("./public", ap::files_options{.index = "index.html"});
#endif
}
