// SPDX-License-Identifier: BSL-1.0
// expect: bytes are read by from_payload\(\): write .bool from_payload\(const antiphon::payload&, T&\). beside the type
#include <antiphon/jobs/await_job.hpp>

namespace ap = antiphon;

struct place {
  int line, column;
};
#ifdef RIGHT
bool from_payload(const ap::payload&, place&) { return false; }
#endif

asio::awaitable<int> line_of(const ap::client& c, std::string url) {
  const auto at = co_await ap::jobs::await_job<place>(c, std::move(url));
  co_return at.line;
}
