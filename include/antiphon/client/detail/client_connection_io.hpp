// SPDX-License-Identifier: BSL-1.0
// client_connection: entries, sending, what ends it.
#pragma once

#include <antiphon/client/detail/streamed_body.hpp>

#include <exception>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL client_connection::client_connection(counted_ptr<client_layer_host> host, client_state& s, origin& o,
                                                   std::unique_ptr<client_stream> stream, time_point now)
    : owner_(std::move(host)), state_(&s), home_(&o), io_(std::move(stream)), born_(now),
      parser_(http::response_head_limits(s.options.response_head)) {}

ANTIPHON_DECL client_connection::~client_connection() = default;

ANTIPHON_DECL asio::any_io_executor client_connection::executor() const { return state_->executor; }

ANTIPHON_DECL void client_connection::on_readable(error_code ec) {
  const counted_ptr<client_connection> keep(this);
  state_->enter([&] {
    waiting_read_ = false;
    if (closed()) return;
    try {
      ec ? end_of_input(ec) : receive();
    } catch (const std::bad_alloc&) {
      fail(asio::error::no_memory);
    }
  });
}

ANTIPHON_DECL void client_connection::on_writable(error_code ec, std::size_t n) {
  const counted_ptr<client_connection> keep(this);
  state_->enter([&] {
    waiting_write_ = false;
    if (closed()) return;
    if (phase_ == phase::upgraded) {
      const bool mine = !std::exchange(port_->given_up, false);
      if (!port_->write) return;
      if (n != 0 && mine) return streamed_body::done(port_->write, error_code(), n);
      return ec ? streamed_body::done(port_->write, ec, 0) : try_write();
    }
    advance(n);
    if (ec) return stop_sending();
    if (push() && ended_) return request_sent();
    if (call_ && call_->sender && out_.empty() && unsent_.empty()) call_->sender->room();
  });
}

ANTIPHON_DECL void client_connection::on_deadline() noexcept {
  asio::post(state_->executor,
             [self = counted_ptr<client_connection>(this)] { self->state_->enter([&] { self->expired(); }); });
}

ANTIPHON_DECL void client_connection::expired() {
  if (closed()) return;
  if (state_->now() < due_at_) return state_->time.set(*this, due_at_); // it was moved meanwhile
  if (phase_ == phase::idle) return close();
  if (phase_ == phase::streaming || phase_ == phase::upgraded) return end_stream(due_);
  fail(due_);
}

/// What is next must have happened by then, or the call fails with `why`.
ANTIPHON_DECL void client_connection::due(duration length, client_error why) {
  due_at_ = later(state_->now(), length);
  due_ = why;
  if (total_at_ < due_at_) due_at_ = total_at_, due_ = client_error::total_timeout;
  state_->time.set(*this, due_at_);
}

ANTIPHON_DECL void client_connection::wait_read() {
  if (waiting_read_) return;
  waiting_read_ = true;
  io_->wait_read(counted_ptr<stream_user>(this));
}

ANTIPHON_DECL void client_connection::start(client_call& c) {
  call_ = &c;
  c.on = this;
  c.at = client_call::stage::connected;
  c.progress.reused = reused_;
  phase_ = phase::head;
  answered_ = sent_ = broken_ = discards_ = false;
  turn_ = write_turn();
  total_at_ = c.total_at;
  idle_time_ = client_request_access::idle(c.req, state_->options.idle);
  parser_.reset();
  in_.clear();
  write_head(c);
  content_ = client_request_access::body(c.req);
  unsent_ = content_.view();
  const bool streams = client_request_access::source(c.req) != nullptr;
  ended_ = !streams;
  if (push() && ended_) request_sent();
  wait_read();
  if (!streams) return;
  due(state_->options.send, client_error::send_timeout);
  c.sender = counted_ptr<request_sender>(new request_sender(c));
  c.sender->start();
}

ANTIPHON_DECL void client_connection::write_head(client_call& c) {
  const auto verb = http::to_string(c.req.method());
  const auto& lines = c.req.fields().wire();
  const auto target = c.where.target();
  const auto host = c.where.authority();
  const auto& protocol = client_request_access::protocol(c.req);
  char* const begin = out_.prepare(verb.size() + target.size() + host.size() + state_->agent_line.size() +
                                   lines.size() + protocol.size() + 160);
  char* to = put(begin, verb);
  *to++ = ' ';
  to = put(to, target);
  to = put(to, " HTTP/1.1\r\nHost: ");
  to = put(to, host);
  to = put(to, "\r\n");
  if (!state_->agent_line.empty() && (lines.empty() || !c.req.fields().contains("User-Agent")))
    to = put(to, state_->agent_line);
  if (!lines.empty()) to = put(to, lines);
  const auto size = c.req.body().size();
  if (client_request_access::source(c.req)) {
    to = put(to, "Transfer-Encoding: chunked\r\n");
  } else if (size != 0 || c.req.method() == http::method::post || c.req.method() == http::method::put ||
             c.req.method() == http::method::patch) {
    to = put(to, "Content-Length: ");
    to = put_number(to, size);
    to = put(to, "\r\n");
  }
  if (!protocol.empty()) {
    to = put(to, "Connection: Upgrade\r\nUpgrade: ");
    to = put(to, protocol);
    to = put(to, "\r\n");
  }
  to = put(to, "\r\n");
  out_.commit(static_cast<std::size_t>(to - begin));
}

ANTIPHON_DECL void client_connection::advance(std::size_t n) noexcept {
  if (call_) call_->progress.bytes_out += n;
  const std::size_t head = n < out_.size() ? n : out_.size();
  out_.consume(head);
  unsent_.remove_prefix(n - head);
}

/// Writes what is to be written; true when all of it is out. False also where it is the turn of others: of the answer
/// for instance, that says that no more of a large body is wanted.
ANTIPHON_DECL bool client_connection::push() {
  while (!out_.empty() || !unsent_.empty()) {
    if (waiting_write_) return false;
    gather buffers{asio::const_buffer(out_.data(), out_.size()), asio::const_buffer(unsent_.data(), unsent_.size())};
    if (out_.empty()) buffers = {buffers[1], asio::const_buffer()};
    error_code ec;
    const std::size_t n = io_->write(buffers, ec);
    advance(n);
    if (!ec && !turn_.over(n)) continue;
    if (ec && ec != asio::error::would_block && ec != asio::error::try_again) {
      stop_sending();
      return false;
    }
    waiting_write_ = true;
    if (phase_ == phase::head && !answered_) due(state_->options.send, client_error::send_timeout);
    io_->wait_write(buffers, counted_ptr<stream_user>(this));
    return false;
  }
  return true;
}

/// Nothing more can be written: but the answer may be on its way, and says why.
ANTIPHON_DECL void client_connection::stop_sending() {
  broken_ = true;
  out_.clear();
  unsent_ = {};
  if (!call_) return;
  if (call_->sender) call_->sender->stop();
  if (!answered_)
    due(client_request_access::first_byte(call_->req, state_->options.first_byte), client_error::first_byte_timeout);
}

ANTIPHON_DECL void client_connection::request_sent() {
  if (std::exchange(sent_, true)) return;
  content_ = shared_buffer();
  if (!call_) return;
  state_->phase(*call_, client_phase::sent);
  if (call_ && !answered_)
    due(client_request_access::first_byte(call_->req, state_->options.first_byte), client_error::first_byte_timeout);
}

ANTIPHON_DECL bool client_connection::send_piece(const http::chunk& piece) {
  if (closed() || broken_) return false;
  piece_ = piece;
  unsent_ = piece_.framed();
  if (!push()) return false;
  if (!answered_) due(state_->options.send, client_error::send_timeout);
  return true;
}

ANTIPHON_DECL void client_connection::send_end(std::string_view trailers) {
  if (closed() || broken_) return;
  out_.append("0\r\n").append(trailers).append("\r\n");
  ended_ = true;
  if (push()) request_sent();
}

ANTIPHON_DECL void client_connection::rest(time_point expiry) {
  phase_ = phase::idle;
  total_at_ = time_point::max();
  due_at_ = expiry;
  state_->time.set(*this, expiry);
  wait_read();
}

ANTIPHON_DECL void client_connection::close() noexcept {
  if (closed()) return;
  const counted_ptr<client_connection> keep(this);
  const bool was_idle = idle();
  phase_ = phase::closed;
  io_->close();
  state_->time.unlink(*this);
  if (const auto port = std::exchange(port_, {})) port->end(asio::error::operation_aborted);
  state_->connection_gone(*this, was_idle);
}

ANTIPHON_DECL void client_connection::abandon() noexcept {
  phase_ = phase::closed;
  state_->time.unlink(*this);
  call_ = nullptr;
  io_.reset();
  if (const auto port = std::exchange(port_, {})) port->abandon();
}

ANTIPHON_DECL void client_connection::fail(error_code ec) {
  if (phase_ == phase::streaming || phase_ == phase::upgraded) return end_stream(ec);
  client_call* const c = std::exchange(call_, nullptr);
  if (c) c->on = nullptr;
  close();
  if (c) state_->finish(*c, ec);
}

} // namespace detail
} // namespace v0
} // namespace antiphon
