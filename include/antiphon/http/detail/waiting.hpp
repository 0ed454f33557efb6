// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/parked.hpp>

#include <tuple>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

class waiting_host;

/// A coroutine that waits for its connection: for room to write, or for bytes to read.
class parked_wait : public antiphon::detail::parked_base {
 public:
  explicit parked_wait(waiting_host& host) noexcept : host_(host) {}
  void finish(error_code ec) noexcept {
    ec_ = ec;
    post();
  }
  std::tuple<error_code> result() const { return {ec_}; }
  inline void cancel() noexcept;

 private:
  waiting_host& host_;
  error_code ec_;
};

/// The session's side of what waits.
class waiting_host {
 public:
  virtual asio::any_io_executor body_executor() const = 0;
  virtual void body_wait(parked_wait&) noexcept = 0;
  virtual void body_cancel(parked_wait&) noexcept = 0;

 protected:
  ~waiting_host() = default;
};

inline void parked_wait::cancel() noexcept { host_.body_cancel(*this); }

/// Waits until the session finishes the wait: `co_await wait_for(host)` gives its error_code.
inline asio::awaitable<error_code> wait_for(waiting_host& host) {
  const auto initiate = [at = &host](auto handler) {
    at->body_wait(*antiphon::detail::park<parked_wait>(std::move(handler), at->body_executor(), *at));
  };
  auto [ec] = co_await asio::async_initiate<const decltype(antiphon::detail::tuple_awaitable)&, void(error_code)>(
      initiate, antiphon::detail::tuple_awaitable);
  co_return ec;
}

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
