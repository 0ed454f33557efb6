// SPDX-License-Identifier: BSL-1.0
// connection: bodies that their handlers read as they come.
#pragma once

#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/connection_handling.hpp>
#include <antiphon/server/detail/lower_body_limit.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL void connection::begin_stream(work& w) {
  if (!within_limit(w)) return;
  auto limits = server_->options.framing;
  limits.size = lower_body_limit::of(w.req, w.to->max_body);
  error_code ignored; // a length over the limit was refused above
  w.body.start(request_access::head(w.req), server_->options.head, limits, ignored);
  w.stream = std::make_unique<body_stream>(*this);
  request_access::body_is_streamed(w.req);
  dispatch(w);
}

/// The next piece, as request_host::request_read() has it. What is read ahead of its handler is one piece: a client
/// that sends faster waits in the kernel.
ANTIPHON_DECL bool connection::read_body(std::string_view& piece, error_code& ec) {
  work& w = *work_;
  body_stream& s = *w.stream;
  piece = {};
  ec = s.failed;
  if (ec || s.over) return true;
  if (closed() || abandoned_) {
    ec = asio::error::connection_reset;
    return true;
  }
  if (starting_) return false; // what came behind the head is still being looked at
  const step guard(*this);
  if (!std::exchange(s.asked, true) && w.in.empty() && !http_1_0_ && request_access::head(w.req).expect_continue) {
    w.out.text().append("HTTP/1.1 100 Continue\r\n\r\n");
    if (!flush()) return false; // settle() goes on when it is out
  }
  for (;;) {
    const bool early = !w.in.empty(); // behind the head
    const std::string_view bytes =
        early ? w.in.view() : std::string_view(s.room ? s.room->bytes + s.at : nullptr, s.end - s.at);
    std::size_t taken = 0;
    const auto result = w.body.step(bytes, taken, piece, ec);
    w.bytes_in += taken;
    early ? w.in.consume(taken) : static_cast<void>(s.at += taken);
    switch (result) {
    case http::body_result::data: return true;
    case http::body_result::done: end_stream(w); return true;
    case http::body_result::failed: fail_stream(ec); return true;
    case http::body_result::more: break;
    }
    if (s.yields) return false;
    if (!s.room) s.room = server_->take_scratch();
    s.at = s.end = 0;
    s.end = io_read(asio::buffer(s.room->bytes), ec);
    if (s.end != 0) {
      s.yields = s.turn.over(s.end);
      continue;
    }
    server_->give_back(std::move(s.room));
    if (!ec || ec == asio::error::would_block || ec == asio::error::try_again) {
      ec = {};
      return false;
    }
    end_of_input(ec);
    if (closed()) {
      ec = asio::error::connection_reset;
    } else {
      fail_stream(ec = http::error::incomplete_message); // half closed, and so it may still read
    }
    return true;
  }
}

/// The handler waits for the client, whose time runs.
ANTIPHON_DECL void connection::wait_body() {
  body_stream& s = *work_->stream;
  // Not asked: the handler asked while it was being started, and was not heard.
  if (!s.asked || !work_->in.empty() || std::exchange(s.yields, false)) return wake_reader();
  const auto& o = server_->options;
  s.since = server_->time.now();
  s.due = later(s.since, o.body_idle);
  if (o.body_rate != 0) { // what has come pays for the time that was waited for it
    const auto paid = std::chrono::seconds(static_cast<std::int64_t>(work_->bytes_in / o.body_rate));
    s.due = (std::min)(s.due, later(s.since, (std::max)(o.body_rate_grace + paid - s.waited, duration::zero())));
  }
  set_deadline((std::min)(s.due, work_->due));
  wait_read();
}

ANTIPHON_DECL void connection::wake_reader(error_code ec) {
  body_stream& s = *work_->stream;
  auto* const reader = std::exchange(s.reader, nullptr);
  if (!reader) return;
  if (s.since != time_point()) {
    s.waited += server_->time.now() - std::exchange(s.since, {});
    if (!closed() && !timed_out_) set_deadline(work_->due);
  }
  reader->finish(ec);
}

ANTIPHON_DECL void connection::fail_stream(error_code ec) {
  work_->stream->failed = ec;
  keep_ = false, linger_ = true;
}

/// What is left in the room is the next request's, or of a body that is dropped.
ANTIPHON_DECL void connection::keep_rest(work& w, body_stream& s) {
  if (!s.room) return;
  w.in.append(s.room->bytes + s.at, s.end - s.at);
  server_->give_back(std::move(s.room));
}

ANTIPHON_DECL void connection::end_stream(work& w) {
  body_stream& s = *w.stream;
  s.over = true;
  body_received(w);
  keep_rest(w, s);
  if (phase_ == phase::handling) settle(); // reads ahead, and so hears of the client's end
}

/// The handler has ended. What it has not read of a short body is read and dropped; else the connection ends.
ANTIPHON_DECL void connection::leave_stream(work& w) {
  const auto s = std::move(w.stream);
  if (s->over) return;
  keep_rest(w, *s);
  if (w.body.done()) return;
  const auto& head = request_access::head(w.req);
  const bool comes = s->asked || !head.expect_continue;
  if (!s->failed && comes && keep_ && !draining() && w.body.kind() == http::body_kind::length &&
      head.content_length - w.body.size() <= server_->options.linger_bytes) {
    skipping_ = true;
    return;
  }
  keep_ = false, linger_ = true;
}

ANTIPHON_DECL bool work::request_read(std::string_view& piece, error_code& ec) { return owner->read_body(piece, ec); }

ANTIPHON_DECL asio::any_io_executor body_stream::body_executor() const { return owner.executor(); }
ANTIPHON_DECL void body_stream::body_wait(http::detail::parked_wait& w) noexcept {
  if (owner.closed()) return w.finish(asio::error::connection_reset);
  reader = &w;
  if (owner.starting_ || owner.waiting_write_) return; // settle() comes
  const connection::step guard(owner);
  owner.wait_body();
}

} // namespace detail
} // namespace v0
} // namespace antiphon
