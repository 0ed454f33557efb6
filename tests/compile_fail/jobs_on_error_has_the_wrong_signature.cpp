// SPDX-License-Identifier: BSL-1.0
// expect: on_error takes a function \(const antiphon::job_status&, std::exception_ptr\)
#include <antiphon/jobs.hpp>

namespace ap = antiphon;

void set(const ap::job_store<int>& jobs) {
#ifdef RIGHT
  jobs.on_error([](const ap::job_status&, std::exception_ptr) {});
#else
  jobs.on_error([](std::exception_ptr) {});
#endif
}
