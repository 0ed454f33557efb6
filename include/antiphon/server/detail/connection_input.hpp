// SPDX-License-Identifier: BSL-1.0
// The reading half of connection: what comes.
#pragma once

#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/connection_handling.hpp>
#include <antiphon/server/detail/connection_peer.hpp>
#include <antiphon/server/detail/lower_body_limit.hpp>

#include <algorithm>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL void connection::start() {
  const step guard(*this);
  proxy_wanted_ = server_->options.proxy_protocol;
  server_->time.link(*this, server_->time.now() + server_->options.head_time);
  receive(false); // a client that has just connected has often sent already
}

ANTIPHON_DECL void connection::on_readable(error_code ec) {
  const step guard(*this);
  waiting_read_ = false;
  if (closed()) return;
  if (ec) { // the wait has failed: to try again would fail again
    if (answer_ && answer_->takes_input()) return die();
    return end_of_input(ec);
  }
  if (answer_ && answer_->takes_input()) {
    answer_->readable();
    return watch(); // it may not read again
  }
  if (!reading()) return receive(false);
  wake_reader();
  watch(); // the handler may not read again
}

ANTIPHON_DECL void connection::look() {
  const step guard(*this);
  looking_ = false;
  phase_ == phase::idle ? receive(true) : settle();
}

ANTIPHON_DECL void connection::receive(bool looking) {
  auto room = server_->take_scratch();
  error_code ec;
  const std::size_t n = io_read(asio::buffer(room->bytes), ec);
  if (looking) server_->looked(n != 0);
  if (n != 0) {
    input(room->bytes, n);
    server_->give_back(std::move(room));
    return settle();
  }
  server_->give_back(std::move(room));
  if (!ec || ec == asio::error::would_block || ec == asio::error::try_again) {
    // The first wait: nothing was there, or no more is.
    if (phase_ == phase::idle && draining()) {
      closing_ = true;
      return settle();
    }
    return wait_read();
  }
  end_of_input(ec);
}

ANTIPHON_DECL void connection::input(const char* bytes, std::size_t n) {
  if (phase_ == phase::lingering) {
    // served_ counts no more; it counts what is dropped.
    served_ += static_cast<std::uint32_t>(n);
    if (served_ > server_->options.linger_bytes) die();
    return;
  }
  work& w = need_work();
  w.now = server_->time.now();
  if (phase_ == phase::handling || phase_ == phase::answering || !w.in.empty()) {
    w.in.append(bytes, n);
    if (phase_ == phase::idle || phase_ == phase::body) consume_buffered();
    return;
  }
  const std::size_t used = consume(bytes, n);
  if (used < n && !closing_) w.in.append(bytes + used, n - used);
}

ANTIPHON_FORCE_INLINE void connection::begin_request(work& w, const char* base, std::string_view behind,
                                                     std::size_t& used) {
  request_access::begin(w.req, base);
  const auto& head = request_access::head(w.req);
  w.began = w.now;
  w.bytes_in = head.size;
  ++served_;
  head_only_ = head.verb == http::method::head;
  http_1_0_ = head.version_minor == 0;
  keep_ = head.keep_alive && served_ < server_->options.max_requests;
  if (head.has_query && !http::within_parameter_limit(w.req.query())) {
    keep_ = false;
    refuse(w, http::status::bad_request, http::make_error_code(http::error::too_many_parameters).message());
    return;
  }
  w.to = &server_->routes.find(w.req);
  request_access::route(w.req, w.to->pattern);

  const auto kind = http::body_of(head);
  if (head.bad_expect) {
    keep_ = false;
    return fail_request(w, http::status::expectation_failed,
                        http::make_error_code(http::error::unsupported_expectation).message());
  }
  // Layers see the head before a byte of the body is asked for: they may refuse it.
  if (run_before(w)) {
    skip_body(w, behind, used);
    return emit(w);
  }
  if (kind == http::body_kind::none) [[likely]]
    return dispatch_now(w);
  if (!w.to->takes_body) {
    skip_body(w, behind, used);
    return dispatch(w);
  }
  if (w.to->streamed) return begin_stream(w);
  begin_body(w, behind, used);
}

ANTIPHON_DECL void connection::consume_buffered() {
  work& w = *work_;
  if (w.in.empty()) return;
  const std::size_t used = consume(w.in.data(), w.in.size());
  w.in.consume(used);
}

/// Goes through bytes that stand still meanwhile. Stops where a head or a body is not whole, where an answer takes its
/// time, and where the output is full.
ANTIPHON_DECL std::size_t connection::consume(const char* bytes, std::size_t n) {
  work& w = *work_;
  std::size_t used = 0;
  if (proxy_wanted_ && !take_proxy_header({bytes, n}, used)) [[unlikely]]
    return used;
  while (used < n && !closing_) {
    if (phase_ == phase::body) {
      used += feed_body(w, {bytes + used, n - used});
      continue;
    }
    if (phase_ != phase::idle) break;
    if (!w.out.open() || w.answered >= server_->options.max_pipelined) {
      if (!flush()) break;
    }
    const char* base = bytes + used;
    error_code ec;
    auto& head = request_access::head(w.req);
    const auto result = w.parser.parse({base, n - used}, head, ec);
    if (result == http::parse_result::more) {
      if (!partial_head_ && !w.parser.idle()) {
        partial_head_ = true;
        set_deadline(w.now + server_->options.head_time);
      }
      break;
    }
    if (result == http::parse_result::failed) {
      keep_ = false;
      head_only_ = http_1_0_ = false;
      refuse(w, http::status_of(static_cast<http::error>(ec.value())), ec.message());
      break;
    }
    partial_head_ = false;
    used += head.size;
    begin_request(w, base, {bytes + used, n - used}, used);
  }
  if (phase_ == phase::body && !skipping_) own_request(w); // these bytes go away
  if (!closing_ && !closed()) return used;
  if (used < n) linger_ = true; // bytes behind the last answer: closing at once could destroy it
  return n;
}

/// The body will not be used. If it is short, it is read and dropped after the answer; else the connection ends.
ANTIPHON_DECL void connection::skip_body(work& w, std::string_view behind, std::size_t& used) {
  const auto& head = request_access::head(w.req);
  const auto kind = http::body_of(head);
  if (kind == http::body_kind::none) return;
  if (kind == http::body_kind::length && head.content_length <= behind.size()) {
    used += static_cast<std::size_t>(head.content_length);
    w.bytes_in += head.content_length;
    return;
  }
  if (kind == http::body_kind::length && head.content_length <= server_->options.linger_bytes &&
      !head.expect_continue && keep_ && !draining()) {
    error_code ignored;
    auto limits = server_->options.framing;
    limits.size = head.content_length;
    w.body.start(head, server_->options.head, limits, ignored);
    skipping_ = true;
    return;
  }
  keep_ = false;
  linger_ = true;
}

/// Answers 413 to a body that says that it is too large.
ANTIPHON_DECL bool connection::within_limit(work& w) {
  const auto& head = request_access::head(w.req);
  if (http::body_of(head) != http::body_kind::length || head.content_length <= w.to->max_body) return true;
  keep_ = false, linger_ = true;
  fail_request(w, http::status::content_too_large, http::make_error_code(http::error::body_too_large).message());
  return false;
}

ANTIPHON_DECL void connection::begin_body(work& w, std::string_view behind, std::size_t& used) {
  const auto& head = request_access::head(w.req);
  const auto kind = http::body_of(head);
  const auto length = head.content_length;
  if (!within_limit(w)) return;
  if (kind == http::body_kind::length) {
    if (length <= behind.size()) { // all of it is here: it is read in place
      request_access::body_in_place(w.req, behind.substr(0, static_cast<std::size_t>(length)));
      used += static_cast<std::size_t>(length);
      w.bytes_in += length;
      return body_received(w) ? emit(w) : dispatch(w);
    }
    if (!server_->reserve(length)) {
      keep_ = false, linger_ = true;
      return fail_request(w, http::status::service_unavailable);
    }
    w.reserved = length;
  }
  auto limits = server_->options.framing;
  limits.size = lower_body_limit::of(w.req, w.to->max_body);
  error_code ignored; // a length over the limit was refused above
  w.body.start(head, server_->options.head, limits, ignored);
  phase_ = phase::body;
  if (head.expect_continue && behind.empty()) w.out.text().append("HTTP/1.1 100 Continue\r\n\r\n");
  set_deadline(w.now + server_->options.body_idle);
}

/// Takes what belongs to the body; when it is whole the request is dispatched.
ANTIPHON_DECL std::size_t connection::feed_body(work& w, std::string_view bytes) {
  std::size_t used = 0;
  while (true) {
    std::size_t taken = 0;
    std::string_view data;
    error_code ec;
    const auto result = w.body.step(bytes.substr(used), taken, data, ec);
    used += taken;
    w.bytes_in += taken;
    if (result == http::body_result::failed) {
      if (skipping_) {
        closing_ = linger_ = true; // the answer is out already
        return used;
      }
      keep_ = false, linger_ = true;
      const auto why = static_cast<http::error>(ec.value());
      fail_request(w, http::status_of(why), ec.message());
      return used;
    }
    if (!data.empty() && !skipping_) {
      if (w.reserved == 0 || w.reserved < request_access::owned_body(w.req).size() + data.size()) {
        if (!server_->reserve(data.size())) {
          keep_ = false, linger_ = true;
          fail_request(w, http::status::service_unavailable);
          return used;
        }
        w.reserved += data.size();
      }
      request_access::owned_body(w.req).append(data);
    }
    if (result == http::body_result::data) continue;
    if (result == http::body_result::more) {
      const auto& o = server_->options;
      auto deadline = w.now + o.body_idle;
      if (o.body_rate != 0) { // what has come pays for the time that it took
        const auto paid = std::chrono::seconds(static_cast<std::int64_t>(w.bytes_in / o.body_rate));
        deadline = std::min(deadline, w.began + o.body_rate_grace + paid);
        if (deadline <= w.now) deadline = w.now;
      }
      set_deadline(deadline);
      return used;
    }
    if (skipping_) {
      skipping_ = false;
      phase_ = phase::idle;
      return used;
    }
    phase_ = phase::idle;
    request_access::body_is_owned(w.req);
    body_received(w) ? emit(w) : dispatch(w);
    return used;
  }
}

/// Copies the head, and a body that stands behind it, to where they stay while a handler waits.
ANTIPHON_DECL void connection::own_request(work& w) {
  const char* base = request_access::base(w.req);
  if (base == w.block.data() && !w.block.empty()) return;
  const auto& head = request_access::head(w.req);
  w.block.clear();
  w.block.append(base, head.size);
  const std::string_view body = w.req.body();
  if (!body.empty() && body.data() != request_access::owned_body(w.req).data()) {
    request_access::owned_body(w.req).assign(body);
    request_access::body_is_owned(w.req);
  }
  request_access::base(w.req, w.block.data());
}

/// The client has ended its sending side, or the stream has failed.
ANTIPHON_DECL void connection::end_of_input(error_code ec) {
  read_closed_ = true;
  const bool ended = ec == asio::error::eof;
  switch (phase_) {
  case phase::handling:
  case phase::answering:
    if (answer_ && answer_->takes_input()) return answer_->readable();
    if (ended && server_->options.half_close) return watch();
    return die();
  case phase::closed: return;
  case phase::idle:
    if (ended) {
      closing_ = true; // answers that are ready are sent
      return settle();
    }
    return die();
  default: return die();
  }
}

} // namespace detail
} // namespace v0
} // namespace antiphon
