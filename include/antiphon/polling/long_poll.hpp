// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/log.hpp>
#include <antiphon/core/position.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/prefer.hpp>
#include <antiphon/polling/detail/held_poll.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace polling {

struct long_poll_options {
  form as = form::json;
  duration hold = std::chrono::seconds(30); ///< how long it waits, give or take a tenth; a client may ask for less
  std::size_t parked = 10'000;              ///< polls that wait on the log; beyond, they are 503
  std::size_t max_items = 100;
  std::size_t max_bytes = std::size_t{1} << 20;
  position from = position::now; ///< where a client begins that names no cursor
};
static_assert(std::is_trivially_destructible_v<long_poll_options>);

/// As short_poll(), but where there is nothing behind the cursor the answer waits until there is: no coroutine stands
/// behind it, and a client that goes frees its place at once. When the time is over the answer is empty (JSON: 200
/// without items; raw: 204) and has the cursor to ask with next; also when the server drains. `Prefer: wait=N` asks for
/// at most N seconds.
///
/// Source: RFC 6202 (long polling), RFC 7240, section 4.3 (Prefer: wait). Example: examples/news.cpp
template <log Log>
http::response long_poll(const Log& from, const http::request& req, const long_poll_options& options = {}) {
  static_assert(has_payload<typename Log::value_type>,
                "antiphon: long_poll() sends messages as bytes: write `antiphon::payload to_payload(const T&)` beside "
                "the type of the messages");
  const auto view = from.view();
  const auto where = http::resume_position(req, view, options.from);
  detail::poll_settings settings{options.hold, options.parked, options.max_items, options.max_bytes,
                                 http::preferred_wait(req)};
  return http::response(
      std::make_unique<detail::held_poll>(view, where, detail::asked(req, options.as, where), settings));
}

} // namespace polling
} // namespace v0
} // namespace antiphon
