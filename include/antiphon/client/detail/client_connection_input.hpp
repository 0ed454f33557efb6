// SPDX-License-Identifier: BSL-1.0
// client_connection: answers.
#pragma once

#include <antiphon/client/detail/streamed_body.hpp>

#include <algorithm>

namespace antiphon {
inline namespace v0 {
namespace detail {

ANTIPHON_DECL void client_connection::receive() {
  if (phase_ == phase::streaming) { // the program reads
    due((duration::max)(), client_error::total_timeout);
    return port_->wake();
  }
  if (phase_ == phase::upgraded) {
    if (port_->reading()) try_read();
    return;
  }
  auto& room = state_->room();
  for (int turn = 0; turn < 16; ++turn) {
    error_code ec;
    const std::size_t n = io_->read(asio::buffer(room), ec);
    if (n == 0) {
      if (ec == asio::error::would_block || ec == asio::error::try_again || !ec) break;
      return end_of_input(ec);
    }
    if (phase_ == phase::idle) return close(); // bytes that nobody asked for
    input(room.data(), n);
    if (phase_ != phase::head && phase_ != phase::body) return; // a connection that rests waits already
    if (n < room.size()) break;
  }
  if (answered_ && call_) {
    if (phase_ == phase::head && in_.empty()) { // interim answers so far
      due(client_request_access::first_byte(call_->req, state_->options.first_byte), client_error::first_byte_timeout);
    } else {
      due(idle_time_, client_error::idle_timeout);
    }
  }
  wait_read();
}

ANTIPHON_DECL void client_connection::input(const char* bytes, std::size_t n) {
  call_->progress.bytes_in += n;
  if (!std::exchange(answered_, true)) state_->phase(*call_, client_phase::first_byte);
  if (!call_) return; // cancelled in the hook
  const bool joined = !in_.empty();
  if (joined) in_.append(bytes, n);
  std::string_view rest = joined ? in_.view() : std::string_view(bytes, n);
  error_code ec;
  while (phase_ == phase::head) {
    const auto result = parser_.parse(rest, call_->req.method(), head_, ec);
    if (result == http::parse_result::failed) return fail(ec);
    if (result == http::parse_result::more) {
      if (joined) return in_.consume(in_.size() - rest.size());
      in_.append(rest);
      return;
    }
    const auto block = rest.substr(0, head_.size);
    rest.remove_prefix(head_.size);
    if (head_.interim()) {
      if (!take_interim(*call_, block)) return;
    } else if (!begin_answer(*call_, block, rest, joined)) {
      return;
    }
  }
  while (true) {
    std::size_t consumed = 0;
    std::string_view data;
    const auto result = body_.step(rest, consumed, data, ec);
    rest.remove_prefix(consumed);
    if (result == http::body_result::failed) return fail(ec);
    if (!data.empty() && !discards_) client_response_access::body(call_->res).append(data);
    if (discards_ && body_.size() > 64 * 1024) break; // a new connection costs less
    if (result == http::body_result::more) return in_.clear();
    if (result == http::body_result::done) break;
  }
  const bool clean = rest.empty() && body_.done();
  in_.clear();
  message_done(clean);
}

ANTIPHON_DECL bool client_connection::take_interim(client_call& c, std::string_view block) {
  if (++c.interim > state_->options.interim) {
    fail(http::error::too_many_interim_responses);
    return false;
  }
  const auto* const hook = client_request_access::interim(c.req);
  if (!hook) return true;
  http::fields lines;
  for (std::size_t i = 0; i < head_.count; ++i)
    lines.add_unchecked(head_.name(block.data(), head_.fields[i]), head_.value(block.data(), head_.fields[i]));
  try {
    (*hook)(head_.status, lines);
  } catch (...) {
    fail(client_error::layer_failed);
  }
  return call_ == &c; // it may have been cancelled
}

/// False: the call is over, or the program reads on.
ANTIPHON_DECL bool client_connection::begin_answer(client_call& c, std::string_view block, std::string_view rest,
                                                   bool joined) {
  const char* const base = block.data();
  const auto refuse = [this](error_code ec) {
    fail(ec);
    return false;
  };
  if (head_.upgrade) {
    const auto& asked = client_request_access::protocol(c.req);
    if (asked.empty()) return refuse(http::error::unexpected_switch);
    const auto* given = head_.find(base, "upgrade");
    if (!given || !http::iequals(head_.value(base, *given), asked)) return refuse(client_error::upgrade_to_another);
  }
  const auto* location = http::is_redirection(head_.status) ? head_.find(base, "location") : nullptr;
  const auto code = http::code(head_.status);
  if (location && (code <= 303 ? code != 300 : code == 307 || code == 308)) {
    const auto most = client_request_access::redirects(c.req, state_->options.redirects);
    if (most != 0 && c.redirects == 0) return refuse(client_error::too_many_redirects);
    if (most != 0) {
      discards_ = true;
      c.location = head_.value(base, *location);
    }
  }
  const bool streams = client_request_access::streamed(c.req) && !discards_;
  http::body_limits limits;
  limits.size = streams || discards_ ? http::body_limits::unlimited
                                     : client_request_access::max_body(c.req, state_->options.max_body);
  const auto heads = http::response_head_limits(state_->options.response_head);
  error_code ec;
  if (!body_.start(head_, heads, limits, ec)) return refuse(ec);
  client_response_access::status(c.res, head_.status);
  c.progress.status = head_.status;
  auto& lines = c.res.fields();
  lines.reserve(head_.size);
  for (std::size_t i = 0; i < head_.count; ++i)
    lines.add_unchecked(head_.name(base, head_.fields[i]), head_.value(base, head_.fields[i]));
  state_->phase(c, client_phase::body);
  if (call_ != &c) return false; // cancelled in the hook
  if (head_.upgrade || streams) return begin_stream(c, rest, joined, head_.upgrade);
  if (!discards_ && body_.kind() == http::body_kind::length)
    client_response_access::body(c.res).reserve((std::min)(head_.content_length, std::uint64_t{64 * 1024}));
  phase_ = phase::body;
  return true;
}

ANTIPHON_DECL bool client_connection::begin_stream(client_call& c, std::string_view rest, bool joined, bool switched) {
  if (!switched && body_.done()) { // no body
    client_response_access::stream(c.res, {}, false);
    phase_ = phase::body;
    return true;
  }
  joined ? in_.consume(in_.size() - rest.size()) : static_cast<void>(in_.append(rest));
  given_ = 0;
  phase_ = switched ? phase::upgraded : phase::streaming;
  if (switched) total_at_ = time_point::max();
  due((duration::max)(), client_error::total_timeout);
  port_ = counted_ptr<streamed_body>(new streamed_body(*this));
  client_response_access::stream(c.res, port_, switched);
  call_ = nullptr;
  c.on = nullptr;
  state_->finish(c, {});
  return false;
}

/// `clean`: no byte came behind the answer.
ANTIPHON_DECL void client_connection::message_done(bool clean) {
  client_call& c = *std::exchange(call_, nullptr);
  c.on = nullptr;
  if (body_.kind() == http::body_kind::chunked && !discards_)
    client_response_access::trailers(c.res) = body_.trailers();
  const bool redirecting = std::exchange(discards_, false);
  const bool keep = clean && head_.keep_alive && sent_ && !broken_;
  reused_ = true;
  state_->connection_free(*this, keep);
  redirecting ? state_->redirect(c) : state_->finish(c, {});
}

ANTIPHON_DECL void client_connection::end_of_input(error_code ec) {
  const bool eof = ec == asio::error::eof;
  error_code ignored;
  switch (phase_) {
  case phase::idle: return close();
  case phase::head: {
    if (answered_) return fail(eof ? error_code(http::error::incomplete_message) : ec);
    if (!reused_ || !state_->may_repeat(*call_)) return fail(eof ? error_code(client_error::closed_early) : ec);
    client_call& c = *std::exchange(call_, nullptr);
    c.on = nullptr;
    return state_->repeat(c, *this);
  }
  case phase::body:
    if (eof && body_.finish(ignored) == http::body_result::done) return message_done(false);
    return fail(eof ? error_code(http::error::incomplete_message) : ec);
  case phase::streaming: return port_->wake(); // the read says so
  case phase::upgraded:
    if (port_->reading()) try_read();
    return;
  case phase::closed: return;
  }
}

ANTIPHON_DECL bool client_connection::read_piece(std::string_view& piece, error_code& ec) {
  in_.consume(std::exchange(given_, 0));
  while (true) {
    std::size_t consumed = 0;
    const auto result = body_.step(in_.view(), consumed, piece, ec);
    if (result == http::body_result::data) {
      given_ = consumed;
      return true;
    }
    in_.consume(consumed);
    piece = {};
    if (result == http::body_result::failed) break;
    if (result == http::body_result::done) {
      end_stream({});
      return true;
    }
    constexpr std::size_t size = 16 * 1024;
    error_code failure;
    const std::size_t n = io_->read(asio::mutable_buffer(in_.prepare(size), size), failure);
    in_.commit(n);
    if (n != 0) continue;
    if (failure == asio::error::would_block || failure == asio::error::try_again || !failure) return false;
    if (failure == asio::error::eof && body_.finish(ec) == http::body_result::done) {
      end_stream({});
      return true;
    }
    if (failure != asio::error::eof) ec = failure;
    break;
  }
  end_stream(ec);
  return true;
}

/// The end of a streamed body, well or badly, or of an upgrade.
ANTIPHON_DECL void client_connection::end_stream(error_code ec) {
  const auto port = std::exchange(port_, {});
  if (ec || phase_ == phase::upgraded) {
    port->end(ec);
    return close();
  }
  const bool keep = in_.empty() && head_.keep_alive && sent_ && !broken_ && body_.kind() != http::body_kind::none;
  port->end({}, &body_.trailers());
  in_.clear();
  in_.shrink(4096);
  reused_ = true;
  state_->connection_free(*this, keep);
}

ANTIPHON_DECL void client_connection::wait_piece() {
  in_.shrink(0); // a stream may be quiet for long
  due(idle_time_, client_error::idle_timeout);
  wait_read();
}

ANTIPHON_DECL void client_connection::try_read() {
  auto*& read = port_->reading();
  if (read->to.size() == 0) return streamed_body::done(read, error_code(), 0);
  if (!in_.empty()) {
    const std::size_t n = asio::buffer_copy(read->to, asio::buffer(in_.data(), in_.size()));
    in_.consume(n);
    in_.shrink(0);
    return streamed_body::done(read, error_code(), n);
  }
  error_code ec;
  const std::size_t n = io_->read(read->to, ec);
  if (n != 0) return streamed_body::done(read, error_code(), n);
  if (ec == asio::error::would_block || ec == asio::error::try_again || !ec) return wait_read();
  streamed_body::done(read, ec, 0);
}

ANTIPHON_DECL void client_connection::try_write() {
  auto*& write = port_->write;
  if (write->from.size() == 0) return streamed_body::done(write, error_code(), 0);
  error_code ec;
  const gather buffers{write->from, asio::const_buffer()};
  const std::size_t n = io_->write(buffers, ec);
  if (n != 0) return streamed_body::done(write, error_code(), n);
  if (ec != asio::error::would_block && ec != asio::error::try_again) return streamed_body::done(write, ec, 0);
  waiting_write_ = true;
  io_->wait_write(buffers, counted_ptr<stream_user>(this));
}

} // namespace detail
} // namespace v0
} // namespace antiphon
