// SPDX-License-Identifier: BSL-1.0
// expect: before_attempt\(\) takes void\(antiphon::client_request&\), or a coroutine of that form
#include <antiphon/sse/event_source.hpp>

#include <string>

namespace ap = antiphon;

void prepare(const ap::sse::event_source& events) {
#ifdef RIGHT
  events.before_attempt([](ap::client_request& req) { req.header("Authorization", "x"); });
#else
  events.before_attempt([](ap::client_request&) { return std::string("x"); });
#endif
}
