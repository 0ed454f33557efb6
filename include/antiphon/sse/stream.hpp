// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/log.hpp>
#include <antiphon/core/position.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/sse/detail/log_stream.hpp>
#include <antiphon/sse/detail/source_stream.hpp>

#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace sse {

/// What becomes of a client that reads slower than is published.
enum class slow_reader : unsigned char {
  skip,       ///< it goes on at the oldest message that is kept, and is told what it missed
  disconnect, ///< if more is published while its socket is full and it is three quarters of the history behind, it is
              ///< cut, while its cursor is still kept: it comes back and has missed nothing
  coalesce,   ///< of messages with one key it gets the newest; for topics with keys
};

/// How a log is streamed.
struct stream_options {
  duration heartbeat = std::chrono::seconds(15); ///< of silence, then a comment is sent; zero: none
  duration retry = std::chrono::seconds(3);      ///< how long clients are told to wait before they come back
  slow_reader slow = slow_reader::skip;
  subject_in subject = subject_in::automatic;
  position from = position::now; ///< where a client begins that names no cursor
  bool until_closed = false;     ///< goes on while the server drains: the log is closed then, by who publishes
};
static_assert(std::is_trivially_destructible_v<stream_options>);

/// An answer that sends a log's messages as server-sent events, each with its cursor as `id`, for as long as the client
/// is there; the name of a payload is the type of its event. No coroutine and no queue stands behind it: the client is
/// a cursor in the log.
///
/// A client resumes by the field Last-Event-ID, which EventSource sends by itself, or by `?after=CURSOR` (or
/// `earliest`, `latest`). What it missed it is told, by the field Antiphon-Resume and by an event "antiphon-gap" (data:
/// {"after","before","at_most"}) or "antiphon-other-log"; a client that falls behind later is sent the former too. When
/// the server drains it is told when to come back, by a `retry` between one and two times `retry`, and the stream ends,
/// but for `until_closed`; of a log that is closed it is 204, after which clients do not come back.
///
/// Source: WHATWG HTML, section 9.2. Example: examples/notifications.cpp
template <log Log>
http::response stream(const Log& log, const http::request& req, const stream_options& options = {}) {
  static_assert(
      has_payload<typename Log::value_type>,
      "antiphon: sse::stream() sends messages as bytes: write `antiphon::payload to_payload(const T&)` beside "
      "the type of the messages");
  const auto view = log.view();
  return http::response(std::make_unique<detail::log_stream>(
      view, http::resume_position(req, view, options.from),
      detail::stream_settings{std::chrono::ceil<std::chrono::milliseconds>(options.heartbeat),
                              std::chrono::ceil<std::chrono::milliseconds>(options.retry),
                              options.slow == slow_reader::disconnect, options.slow == slow_reader::coalesce,
                              options.subject, options.until_closed}));
}

/// The same for what is no log: the progress of something, the tokens of an answer. The source is moved into the answer
/// and read by a coroutine; when it ends (eof), so does the stream. What it yields is an event, a message, or something
/// with a to_payload(). Nothing is kept for a client that comes back.
template <source Source>
requires(!log<Source>) http::response stream(Source from, const http::request&, const stream_options& options = {}) {
  static_assert(
      detail::streamable<v0::detail::received_t<Source>>,
      "antiphon: sse::stream() sends antiphon::sse::event, or what has a to_payload(): the source yields neither");
  http::response res = http::stream_body(
      [from = std::move(from), options](http::body_writer& out) mutable {
        return detail::write_source(from, out, options.heartbeat, options.retry);
      },
      detail::stream_type);
  for (const auto& f : detail::stream_fields()) res.add(f.name, f.value);
  return res;
}

} // namespace sse
} // namespace v0
} // namespace antiphon
