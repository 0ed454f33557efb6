// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/connector.hpp>
#include <antiphon/client/error.hpp>
#include <antiphon/core/detail/timer_call.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// In the order in which they are tried: families in turn, that of the first first.
///
/// Source: RFC 8305, section 4.
inline resolver::addresses interleaved(const resolver::addresses& all) {
  resolver::addresses first, second, out;
  for (const auto& a : all) (a.is_v6() == all.front().is_v6() ? first : second).push_back(a);
  for (std::size_t i = 0; i < first.size() || i < second.size(); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
  return out;
}

/// Addresses of a host, each tried 250 ms after the one before, or when that has failed; the first that connects wins.
///
/// Source: RFC 8305, section 5.
class tcp_attempt final : public counted, public timer_call::target {
 public:
  tcp_attempt(resolver::addresses all, std::uint16_t port, asio::any_io_executor executor, connector::result done)
      : all_(interleaved(all)), port_(port), executor_(std::move(executor)), done_(std::move(done)),
        timer_(new timer_call(*this, executor_)) {}

  void begin_next() {
    if (over_ || next_ == all_.size()) return;
    const std::size_t at = next_++;
    sockets_.push_back(std::make_unique<asio::ip::tcp::socket>(executor_));
    ++running_;
    sockets_.back()->async_connect(
        {all_[at], port_}, [self = counted_ptr<tcp_attempt>(this), at](error_code ec) { self->connected(at, ec); });
    if (next_ < all_.size() && !timing_) timing_ = timer_->start(std::chrono::milliseconds(250));
  }
  void give_up() noexcept {
    over_ = true;
    timer_->stop();
    sockets_.clear();
    done_ = {};
  }

 private:
  void time_over() noexcept override {
    timing_ = false;
    begin_next();
  }
  void connected(std::size_t at, error_code ec) {
    if (over_) return;
    --running_;
    if (ec) {
      if (!failure_) failure_ = ec;
      if (next_ < all_.size()) return begin_next();
      if (running_ != 0) return;
    }
    over_ = true;
    timer_->stop();
    const auto done = std::move(done_);
    if (ec) return done(failure_, nullptr);
    error_code ignored;
    sockets_[at]->set_option(asio::ip::tcp::no_delay(true), ignored);
    auto stream = make_client_stream(std::move(*sockets_[at]));
    sockets_.clear();
    done({}, std::move(stream));
  }

  const resolver::addresses all_;
  const std::uint16_t port_;
  const asio::any_io_executor executor_;
  connector::result done_;
  const counted_ptr<timer_call> timer_;
  std::vector<std::unique_ptr<asio::ip::tcp::socket>> sockets_;
  std::size_t next_ = 0, running_ = 0;
  error_code failure_;
  bool over_ = false, timing_ = false;
};

/// What fails before it begins.
struct failed_attempt {
  connector::result done;
  static std::shared_ptr<void> post(error_code ec, const asio::any_io_executor& executor, connector::result to) {
    auto made = std::make_shared<failed_attempt>(failed_attempt{std::move(to)});
    asio::post(executor, [weak = std::weak_ptr<failed_attempt>(made), ec] {
      if (const auto at = weak.lock()) at->done(ec, nullptr);
    });
    return made;
  }
};

#if defined(ASIO_HAS_LOCAL_SOCKETS)
class unix_attempt final : public counted {
 public:
  unix_attempt(const asio::any_io_executor& executor, connector::result done)
      : socket_(executor), done_(std::move(done)) {}

  void begin(const asio::local::stream_protocol::endpoint& to) {
    socket_.async_connect(to, [self = counted_ptr<unix_attempt>(this)](error_code ec) {
      if (!self->done_) return;
      const auto done = std::move(self->done_);
      if (ec) return done(ec, nullptr);
      done({}, make_client_stream(std::move(self->socket_)));
    });
  }
  void give_up() noexcept {
    done_ = {};
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  asio::local::stream_protocol::socket socket_;
  connector::result done_;
};
#endif

template <class Attempt>
std::shared_ptr<void> attempt_handle(counted_ptr<Attempt> a) {
  return std::shared_ptr<void>(a.get(), [a](void*) { a->give_up(); });
}

} // namespace detail
} // namespace v0
} // namespace antiphon
