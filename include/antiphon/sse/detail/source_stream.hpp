// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/notifier.hpp>
#include <antiphon/core/pipe.hpp>
#include <antiphon/core/race.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/body_writer.hpp>
#include <antiphon/sse/encoder.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace sse {
namespace detail {

/// What a source may yield, as an event.
inline void append_value(std::string& out, const event& e) { append_event(out, e); }
template <has_payload T>
void append_value(std::string& out, const T& value) {
  const payload bytes = to_payload(value);
  if (!bytes.name().empty()) append_type(out, bytes.name());
  append_data(out, bytes.bytes());
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

/// The two sides of a stream whose source is no log. They run side by side on one executor, since a source is never
/// cancelled for a heartbeat: what it has read by then might be lost. One of them writes at a time.
template <class Source>
class source_writer {
 public:
  source_writer(Source& from, http::body_writer& out, duration heartbeat, duration retry)
      : from_(from), out_(out), heartbeat_(heartbeat), retry_(retry), time_(v0::detail::time_of(out.get_executor())) {}

  asio::awaitable<void> write(std::string_view text) {
    while (busy_) co_await free_.async_wait(asio::use_awaitable);
    busy_ = true;
    co_await out_.write(text);
    last_ = time_.now();
    busy_ = false;
    free_.notify_all();
  }

  asio::awaitable<void> messages() {
    std::string text;
    for (;;) {
      v0::detail::received_t<Source> value;
      try {
        value = co_await from_.async_receive(asio::use_awaitable);
      } catch (const system_error& e) {
        ended_ = e.code();
      }
      if (ended_) break;
      text.clear();
      append_value(text, value);
      co_await write(text);
    }
    while (busy_) co_await free_.async_wait(asio::use_awaitable); // a heartbeat is half written
  }

  /// Until the server drains: a body is not woken then, it looks once a second.
  asio::awaitable<void> beats() {
    std::string text;
    const duration step = std::chrono::seconds(1);
    while (!out_.draining()) {
      const duration left = heartbeat_ > duration::zero() ? last_ + heartbeat_ - time_.now() : step;
      if (left > duration::zero()) {
        co_await sleep_for((std::min)(step, left));
      } else if (busy_) {
        co_await free_.async_wait(asio::use_awaitable);
      } else {
        text.clear();
        append_comment(text);
        text.push_back('\n');
        co_await write(text);
      }
    }
    text = hint(v0::detail::between(retry_, 2 * retry_));
    co_await write(text);
  }

  /// How the source has ended.
  error_code ended() const noexcept { return ended_; }

 private:
  Source& from_;
  http::body_writer& out_;
  const duration heartbeat_, retry_;
  v0::detail::time_service& time_;
  const notifier free_;
  time_point last_{}; // when it wrote
  bool busy_ = false;
  error_code ended_;
};

/// The body of a stream whose source is no log: it is a coroutine, and what a client that comes back has missed is the
/// program's business.
template <class Source>
asio::awaitable<void> write_source(Source& from, http::body_writer& out, duration heartbeat, duration retry) {
  source_writer<Source> writer(from, out, heartbeat, retry);
  const std::string text = hint(retry);
  co_await writer.write(text);
  auto messages = writer.messages();
  auto beats = writer.beats();
  auto both = race(std::move(messages), std::move(beats));
  const auto over = co_await std::move(both);
  if (over.index == 0 && writer.ended() && writer.ended() != asio::error::eof)
    throw system_error(writer.ended(), "reading from the source of a stream");
}

} // namespace detail
} // namespace sse
} // namespace v0
} // namespace antiphon
