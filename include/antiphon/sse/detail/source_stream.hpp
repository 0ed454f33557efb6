// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/pipe.hpp>
#include <antiphon/core/timeout.hpp>
#include <antiphon/http/body_writer.hpp>
#include <antiphon/sse/encoder.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace sse {
namespace detail {

/// What a source may yield, as an event.
inline void append_value(std::string& out, const event& e) { append_event(out, e); }
template <has_payload T>
void append_value(std::string& out, const T& value) {
  append_data(out, to_payload(value).bytes());
  out.push_back('\n');
}
template <has_payload T>
void append_value(std::string& out, const message<T>& m) {
  append_value(out, *m);
}

template <class T>
concept streamable = requires(std::string& out, const T& value) {
  append_value(out, value);
};

template <class Source>
asio::awaitable<v0::detail::received_t<Source>> receive(Source& from) {
  co_return co_await from.async_receive(asio::use_awaitable);
}

/// The body of a stream whose source is no log: it is a coroutine, and what a client that comes back has missed is the
/// program's business.
template <class Source>
asio::awaitable<void> write_source(Source& from, http::body_writer& out, duration heartbeat, duration retry) {
  std::string text = hint(retry);
  co_await out.write(text);
  // A body is not woken when the server begins to drain: it looks once a second.
  const duration step = std::chrono::seconds(1);
  for (duration quiet{}; !out.draining();) {
    const duration wait = heartbeat > duration::zero() ? (std::min)(step, heartbeat - quiet) : step;
    v0::detail::received_t<Source> value;
    error_code ec;
    try {
      auto next = receive(from);
      value = co_await with_timeout(wait, std::move(next));
    } catch (const system_error& e) {
      ec = e.code();
    }
    text.clear();
    if (!ec) {
      append_value(text, value);
      quiet = {};
    } else if (ec == asio::error::eof) {
      co_return;
    } else if (ec != asio::error::timed_out) {
      throw system_error(ec, "reading from the source of a stream");
    } else {
      quiet += wait;
      if (heartbeat == duration::zero() || quiet < heartbeat) continue;
      append_comment(text);
      text.push_back('\n');
      quiet = {};
    }
    co_await out.write(text);
  }
  text = hint(v0::detail::between(retry, 2 * retry));
  co_await out.write(text);
}

} // namespace detail
} // namespace sse
} // namespace v0
} // namespace antiphon
