// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chunk.hpp>
#include <antiphon/http/detail/waiting.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/trailer.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// The session's side of a body_writer.
class body_host : public waiting_host {
 public:
  /// True: it is over, and `ec` says how. False: park a wait. If that is cancelled, what was to be written is half
  /// written, and the connection is cut.
  virtual bool body_write(const chunk&, error_code& ec) = 0;
  virtual bool body_draining() const noexcept = 0;
  /// The trailer fields, for the end of the body.
  virtual void body_trailers(fields) {}
  /// Whether nothing is on its way, so that a piece that is offered now is sent. On the executor.
  virtual bool body_takes_offers() const noexcept { return false; }
  /// Sends a piece if none is on its way, and else forgets it. On the executor.
  virtual void body_offer(const chunk&) {}
  /// Cancels the coroutine, which is to return then: the body ends well.
  virtual void body_stop() noexcept {}

 protected:
  ~body_host() = default;
};

/// Hears of what happens while a body waits for something else.
struct body_watcher {
  virtual void body_drains() noexcept = 0;

 protected:
  ~body_watcher() = default;
};

} // namespace detail

/// Where a body coroutine writes to. Valid until the coroutine returns; one write at a time.
class body_writer {
 public:
  explicit body_writer(detail::body_host& host) noexcept : host_(&host) {}

  /// Sends a piece of the body, at once or when the socket has room: this is the back-pressure.
  ///
  /// Completes:  when the kernel has taken all of it. Does not suspend where there is room, but for a moment now and
  ///             then, so that others have their turn.
  /// Errors:     system_error with the stream's error when the client has gone.
  /// Cancels:    terminal; the connection is then closed.
  /// Borrows:    nothing, the piece is copied or shared.
  asio::awaitable<void> write(std::string_view data) { return write(chunk(data)); }
  asio::awaitable<void> write(chunk piece) {
    error_code ec;
    if (!host_->body_write(piece, ec)) ec = co_await detail::wait_for(*host_);
    if (ec) throw system_error(ec, "writing a response body");
  }

  /// Fields that follow the body, as checksums do: sent when the coroutine has returned, in the place of those given
  /// before. HTTP/1.0 clients are sent none; naming them in a field `Trailer` of the response is up to the program.
  /// Throws std::invalid_argument for those that must stand in a head.
  ///
  /// Source: RFC 9110, section 6.5.
  void trailers(fields all) const {
    for (const auto& f : all)
      if (!allowed_in_trailer(f.name))
        throw std::invalid_argument("antiphon: the field '" + std::string(f.name) +
                                    "' must stand in the head of a response: it cannot be a trailer");
    host_->body_trailers(std::move(all));
  }

  /// True when the server has begun to stop: an endless body ends itself, a finite one goes on.
  bool draining() const noexcept { return host_->body_draining(); }
  asio::any_io_executor get_executor() const { return host_->body_executor(); }

  // For faces.
  detail::body_host& host() const noexcept { return *host_; }
  void watch(detail::body_watcher* w) noexcept { watcher_ = w; }
  detail::body_watcher* watcher() const noexcept { return watcher_; }

 private:
  detail::body_host* host_;
  detail::body_watcher* watcher_ = nullptr;
};

} // namespace http
} // namespace v0
} // namespace antiphon
