// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/any_stream.hpp>
#include <antiphon/core/detail/counted.hpp>
#include <antiphon/http/detail/waiting.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/status.hpp>

#include <cassert>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// What an answer has of its connection, while its body is read or its protocol is another.
class response_port : public counted, public http::detail::waiting_host, public stream_host {
 public:
  /// As request_host::request_read.
  virtual bool read(std::string_view& piece, error_code& ec) = 0;
  virtual const http::fields& trailers() const noexcept = 0;
  /// Nobody reads any more.
  virtual void drop() noexcept = 0;

 protected:
  ~response_port() override = default;
};

/// The one owner of a port.
class response_lease {
 public:
  response_lease() = default;
  explicit response_lease(counted_ptr<response_port> port) noexcept : port_(std::move(port)) {}
  response_lease(response_lease&& other) noexcept : port_(std::exchange(other.port_, {})) {}
  response_lease& operator=(response_lease&& other) noexcept {
    response_lease taken(std::move(other));
    std::swap(port_, taken.port_);
    return *this;
  }
  ~response_lease() {
    if (port_) port_->drop();
  }
  response_port* get() const noexcept { return port_.get(); }

 private:
  counted_ptr<response_port> port_;
};

struct client_response_access;

} // namespace detail

/// What a server has answered. Moved, not copied. Thread safety: none; read a streamed body on the client's executor.
///
/// Lifetime: a streamed answer holds its connection until its end has been read; destroying it before that closes the
/// connection.
class client_response {
 public:
  client_response() = default;
  /// An answer of a layer's own.
  explicit client_response(http::status code, std::string body = {}) : status_(code), body_(std::move(body)) {}

  http::status status() const noexcept { return status_; }
  const http::fields& fields() const noexcept { return fields_; }
  http::fields& fields() noexcept { return fields_; }
  /// The first field of that name, or an empty text.
  std::string_view header(std::string_view name) const noexcept {
    return fields_.get(name).value_or(std::string_view());
  }
  /// The collected body.
  const std::string& body() const noexcept { return body_; }
  std::string take_body() noexcept { return std::exchange(body_, {}); }
  /// Where the answer came from: another URL than that of the request where redirects were followed.
  const std::string& url() const noexcept { return url_; }

  /// Whether the body is read as it comes: client_request::stream_response().
  bool streamed() const noexcept { return streamed_; }
  /// The next bytes of the body; no more is read from the server until the next call, which is the back-pressure. A
  /// collected body is given whole.
  ///
  /// Completes:  with bytes, valid until the next call, or an empty view at the end of the body.
  /// Errors:     system_error: http::error, client_error::idle_timeout and total_timeout, the stream's.
  /// Cancels:    terminal; the body can still be read on.
  asio::awaitable<std::string_view> read_some() {
    std::string_view piece;
    error_code ec;
    if (auto* port = lease_.get()) {
      while (!ec && !port->read(piece, ec)) ec = co_await http::detail::wait_for(*port);
    } else if (!std::exchange(given_, true)) {
      piece = body_;
    }
    if (ec) throw system_error(ec, "reading the body of an answer");
    co_return piece;
  }
  /// The trailer fields of a chunked body, when all of it is there.
  const http::fields& trailers() const noexcept { return lease_.get() ? lease_.get()->trailers() : trailers_; }

  /// Whether the server has changed to the protocol that client_request::upgrade() asked for.
  bool switched() const noexcept { return switched_; }
  /// The connection, for that protocol; bytes that came behind the head are read first. Valid while this answer lives.
  any_stream stream() const noexcept {
    assert(switched_ && "antiphon: only an answer with switched() has a stream");
    return any_stream(*lease_.get());
  }

 private:
  friend struct detail::client_response_access;

  http::status status_{};
  bool streamed_ = false, switched_ = false, given_ = false;
  http::fields fields_, trailers_;
  std::string body_, url_;
  detail::response_lease lease_;
};

namespace detail {

/// The client's way into an answer.
struct client_response_access {
  static void status(client_response& r, http::status s) noexcept { r.status_ = s; }
  /// To read the body without a coroutine. Null where there is none, or it was collected.
  static response_port* port(client_response& r) noexcept { return r.lease_.get(); }
  static std::string& body(client_response& r) noexcept { return r.body_; }
  static http::fields& trailers(client_response& r) noexcept { return r.trailers_; }
  static void url(client_response& r, std::string u) noexcept { r.url_ = std::move(u); }
  static void stream(client_response& r, counted_ptr<response_port> port, bool switched) noexcept {
    r.streamed_ = !switched;
    r.switched_ = switched;
    if (port) r.lease_ = response_lease(std::move(port));
  }
};

} // namespace detail
} // namespace v0
} // namespace antiphon
