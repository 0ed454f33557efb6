// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/deflate/encoder.hpp>
#include <antiphon/http/body_writer.hpp>
#include <antiphon/http/chunk.hpp>
#include <antiphon/http/response.hpp>

#include <memory>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace deflate {
namespace detail {

/// A body coroutine whose pieces are compressed on their way, each so that a reader has all of it when it comes.
class coded_body final : public http::detail::body_source,
                         private http::detail::body_host,
                         private http::detail::body_watcher {
 public:
  coded_body(std::unique_ptr<http::detail::body_source> plain, std::unique_ptr<encoder> with)
      : plain_(std::move(plain)), with_(std::move(with)) {}

  asio::awaitable<void> run(http::body_writer& out) override {
    http::body_writer inner(*this);
    host_ = &out.host();
    inner_ = &inner;
    out.watch(this);
    co_await plain_->run(inner);
    out.watch(nullptr);
    inner_ = nullptr;
    // Not awaited: where the coroutine was stopped that would throw. What there is no room for goes out before the end.
    std::string end;
    with_->finish({}, end);
    error_code ignored; // the client has gone
    host_->body_write(http::chunk(end), ignored);
  }

 private:
  http::chunk coded(const http::chunk& piece) {
    std::string out;
    with_->write(piece.data(), out);
    return http::chunk(out);
  }

  // body_host, of the coroutine inside
  asio::any_io_executor body_executor() const override { return host_->body_executor(); }
  bool body_write(const http::chunk& piece, error_code& ec) override {
    return host_->body_write(piece.empty() ? piece : coded(piece), ec);
  }
  void body_wait(http::detail::parked_wait& w) noexcept override { host_->body_wait(w); }
  void body_cancel(http::detail::parked_wait& w) noexcept override { host_->body_cancel(w); }
  bool body_draining() const noexcept override { return host_->body_draining(); }
  void body_trailers(http::fields all) override { host_->body_trailers(std::move(all)); }
  bool body_takes_offers() const noexcept override { return host_->body_takes_offers(); }
  void body_offer(const http::chunk& piece) override { // what is forgotten must not have gone through the encoder
    if (!piece.empty() && host_->body_takes_offers()) host_->body_offer(coded(piece));
  }
  void body_stop() noexcept override { host_->body_stop(); }

  // body_watcher, of the session
  void body_drains() noexcept override {
    if (inner_ && inner_->watcher()) inner_->watcher()->body_drains();
  }

  std::unique_ptr<http::detail::body_source> plain_;
  std::unique_ptr<encoder> with_;
  http::detail::body_host* host_ = nullptr;
  http::body_writer* inner_ = nullptr;
};

} // namespace detail
} // namespace deflate
} // namespace v0
} // namespace antiphon
