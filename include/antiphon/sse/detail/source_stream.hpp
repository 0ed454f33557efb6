// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/random.hpp>
#include <antiphon/core/detail/timer_call.hpp>
#include <antiphon/core/pipe.hpp>
#include <antiphon/core/time.hpp>
#include <antiphon/http/body_writer.hpp>
#include <antiphon/sse/encoder.hpp>

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

/// What a stream whose source is no log says while it waits for the source, without a coroutine of its own: heartbeats,
/// and goodbye. The source is not cancelled for a heartbeat: what it has read by then might be lost.
class source_watch final : public http::detail::body_watcher, public v0::detail::timer_call::target {
 public:
  source_watch(http::body_writer& out, duration heartbeat, duration retry)
      : out_(out), heartbeat_(heartbeat), retry_(retry), time_(v0::detail::time_of(out.get_executor())) {
    out_.watch(this);
    if (heartbeat_ <= duration::zero()) return;
    last_ = time_.now();
    timer_ = v0::detail::counted_ptr<v0::detail::timer_call>(new v0::detail::timer_call(*this, out_.get_executor()));
    timer_->start(heartbeat_);
  }
  source_watch(const source_watch&) = delete;
  source_watch& operator=(const source_watch&) = delete;
  ~source_watch() {
    out_.watch(nullptr);
    if (timer_) timer_->stop();
  }

  bool stopped() const noexcept { return stopped_; }
  void writes() noexcept { writing_ = true; }
  void wrote() noexcept {
    writing_ = false;
    last_ = time_.now();
  }
  std::string goodbye() const { return hint(v0::detail::between(retry_, 2 * retry_)); }

  void body_drains() noexcept override {
    if (std::exchange(stopped_, true) || writing_) return; // what is half written is finished first
    out_.host().body_offer(http::chunk(goodbye()));
    out_.host().body_stop();
  }

 private:
  void time_over() noexcept override {
    auto left = last_ + heartbeat_ - time_.now();
    if (left <= duration::zero()) {
      out_.host().body_offer(http::chunk(":\n\n"));
      wrote();
      left = heartbeat_;
    }
    timer_->start(left);
  }

  http::body_writer& out_;
  const duration heartbeat_, retry_;
  v0::detail::time_service& time_;
  v0::detail::counted_ptr<v0::detail::timer_call> timer_;
  time_point last_{}; // when it wrote
  bool stopped_ = false, writing_ = false;
};

/// The body of a stream whose source is no log: it is a coroutine, and what a client that comes back has missed is the
/// program's business.
template <class Source>
asio::awaitable<void> write_source(Source& from, http::body_writer& out, duration heartbeat, duration retry) {
  std::string text = hint(retry);
  co_await out.write(text);
  source_watch watch(out, heartbeat, retry);
  if (out.draining()) co_return;
  for (;;) {
    v0::detail::received_t<Source> value;
    error_code ec;
    try {
      value = co_await from.async_receive(asio::use_awaitable);
    } catch (const system_error& e) {
      ec = e.code();
    }
    if (watch.stopped() || ec == asio::error::eof) co_return;
    if (ec) throw system_error(ec, "reading from the source of a stream");
    text.clear();
    append_value(text, value);
    watch.writes();
    co_await out.write(text);
    watch.wrote();
    if (!watch.stopped()) continue;
    text = watch.goodbye();
    co_await out.write(text);
    co_return;
  }
}

} // namespace detail
} // namespace sse
} // namespace v0
} // namespace antiphon
