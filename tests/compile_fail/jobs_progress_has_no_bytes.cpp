// SPDX-License-Identifier: BSL-1.0
// expect: progress is sent as bytes: report a number or a text, or write .antiphon::payload to_payload\(const T&\).
#include <antiphon/jobs.hpp>

namespace ap = antiphon;

struct place {
  int line, column;
};

asio::awaitable<int> work(ap::job& job) {
  const place at{1, 2};
#ifdef RIGHT
  job.report(at.line);
#else
  job.report(at);
#endif
  co_return 1;
}
