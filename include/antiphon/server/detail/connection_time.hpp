// SPDX-License-Identifier: BSL-1.0
// connection: what does not come in time.
#pragma once

#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/connection_output.hpp>

#include <chrono>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL void connection::on_deadline() noexcept {
  // Under the time service's lock, on any thread: only the way to our own executor.
  asio::post(executor(), [self = counted_ptr<connection>(this)] { self->expired(); });
}

ANTIPHON_DECL void connection::expired() {
  const step guard(*this);
  if (closed()) return;
  const auto now = server_->time.now();
  const auto due = server_->time.deadline(*this);
  if (now < due) return;           // it was moved, and linked again, while this was on its way
  set_deadline(time_point::max()); // every branch below sets what it needs
  if (waiting_write_ && !abandoned_) return die();
  switch (phase_) {
  case phase::idle:
    if (looking_ || !work_ || !partial_head_) return die();
    keep_ = false;
    head_only_ = http_1_0_ = false;
    refuse(*work_, http::status::request_timeout, "the head of the request did not come in time");
    return settle();
  case phase::body:
    if (skipping_) return die();
    keep_ = false, linger_ = true;
    work_->now = now;
    fail_request(*work_, http::status::request_timeout, "the body of the request did not come in time");
    return settle();
  case phase::answering: return probe();
  case phase::handling:
    if (reading() && work_->stream->reader && work_->stream->due <= now) {
      fail_stream(now < work_->stream->since + server_->options.body_idle ? http::error::body_too_slow
                                                                          : http::error::body_timeout);
      set_deadline(work_->due);
      return wake_reader();
    }
    if (!timed_out_ && now < work_->due) {
      set_deadline(work_->due);
      return probe();
    }
    if (!timed_out_) {
      timed_out_ = true;
      set_deadline(now + std::chrono::milliseconds(200)); // for a handler that ends when it is cancelled
      return work_->cancel.emit(asio::cancellation_type::terminal);
    }
    if (abandoned_) return die();
    // It does not end: the client is answered, the handler keeps the request until it is over.
    abandoned_ = true;
    keep_ = false;
    set_deadline(now + server_->options.write_stall);
    {
      response late(http::status::service_unavailable);
      auto& text = work_->out.text();
      const std::size_t before = text.size();
      write_head(text, late.status(), late, length_kind::known, 0);
      if (work_->to->completes()) complete(*work_, late.status(), text.size() - before);
    }
    flush();
    return;
  case phase::lingering: return die();
  default: return;
  }
}

/// The time of a watch is over.
ANTIPHON_DECL void connection::probe() {
  const bool upgraded = answer_ && answer_->takes_input(); // its protocol may have a use for a connection half closed
  if (waiting_read_) return;                               // the wait hears it
  if (io_gone(!upgraded && !server_->options.half_close)) return die();
  watch();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
