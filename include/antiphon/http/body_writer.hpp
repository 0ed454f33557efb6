// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/parked.hpp>
#include <antiphon/http/chunk.hpp>

#include <string_view>
#include <tuple>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

class body_host;

/// A write that waits for the socket to have room.
class parked_write : public antiphon::detail::parked_base {
 public:
  explicit parked_write(body_host& host) noexcept : host_(host) {}
  void finish(error_code ec) noexcept {
    ec_ = ec;
    post();
  }
  std::tuple<error_code> result() const { return {ec_}; }
  void cancel() noexcept;

 private:
  body_host& host_;
  error_code ec_;
};

/// The session's side of a body_writer.
class body_host {
 public:
  virtual asio::any_io_executor body_executor() const = 0;
  /// True: it is over, and `ec` says how. False: park a write with body_wait.
  virtual bool body_write(const chunk&, error_code& ec) = 0;
  virtual void body_wait(parked_write&) noexcept = 0;
  /// What was to be written is then half written: the connection is cut.
  virtual void body_cancel(parked_write&) noexcept = 0;
  virtual bool body_draining() const noexcept = 0;
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

inline void parked_write::cancel() noexcept { host_.body_cancel(*this); }

/// Waits until the session finishes the write: `co_await wait_written(host)` gives its error_code.
inline asio::awaitable<error_code> wait_written(body_host& host) {
  const auto initiate = [at = &host](auto handler) {
    at->body_wait(*antiphon::detail::park<parked_write>(std::move(handler), at->body_executor(), *at));
  };
  auto [ec] = co_await asio::async_initiate<const decltype(antiphon::detail::tuple_awaitable)&, void(error_code)>(
      initiate, antiphon::detail::tuple_awaitable);
  co_return ec;
}

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
    if (!host_->body_write(piece, ec)) ec = co_await detail::wait_written(*host_);
    if (ec) throw system_error(ec, "writing a response body");
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
