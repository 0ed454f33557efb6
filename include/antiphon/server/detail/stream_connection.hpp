// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/slot_memory.hpp>
#include <antiphon/core/stream.hpp>
#include <antiphon/http/address.hpp>
#include <antiphon/server/detail/connection.hpp>
#include <antiphon/server/detail/send_file.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>

#if __has_include(<poll.h>)
#include <poll.h>
#endif

#include <concepts>
#include <cstring>
#include <string>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Address and port of an end of a connection, "unix:" for a Unix socket.
template <class Endpoint>
std::string text_of(const Endpoint& end) {
  const auto family = end.protocol().family();
  if (family == asio::ip::tcp::v4().family() || family == asio::ip::tcp::v6().family()) {
    asio::ip::tcp::endpoint at;
    if (end.size() > at.capacity()) return {};
    std::memcpy(at.data(), end.data(), end.size());
    return http::peer_text(at.address(), at.port());
  }
#if defined(ASIO_HAS_LOCAL_SOCKETS)
  if (family == asio::local::stream_protocol().family()) return std::string(http::unix_peer);
#endif
  return {};
}

/// Address and port of the other end, where the stream has such.
template <class Stream>
std::string peer_of(const Stream& stream) {
  if constexpr (requires { stream.remote_endpoint().protocol().family(); }) {
    error_code ec;
    const auto end = stream.remote_endpoint(ec);
    if (!ec) return text_of(end);
  }
  return {};
}

/// Whether the other end has gone, asked without reading: reset, or, where `fin` counts, with its sending side shut
/// down. False where the stream is no socket, or the system does not say.
template <class Stream>
bool gone([[maybe_unused]] Stream& stream, [[maybe_unused]] bool fin) noexcept {
#if defined(POLLRDHUP)
  if constexpr (requires {
                  { stream.lowest_layer().native_handle() } -> std::same_as<int>;
                }) {
    pollfd at{stream.lowest_layer().native_handle(), POLLRDHUP, 0};
    return ::poll(&at, 1, 0) > 0 && (at.revents & (POLLERR | (fin ? POLLRDHUP | POLLHUP : 0))) != 0;
  }
#endif
  return false;
}

/// The part of a connection that knows its stream: the only place where server code is a template over it.
template <class Stream>
class stream_connection final : public connection {
 public:
  stream_connection(server_state& server, Stream stream) : connection(server), transport_(std::move(stream)) {}

  /// False where the stream is of no use.
  bool open() {
    error_code ec;
    transport_.open(ec);
    return !ec;
  }

  std::size_t io_read(asio::mutable_buffer to, error_code& ec) override { return transport_.read_now(to, ec); }
  std::size_t io_write(const gather& from, error_code& ec) override { return transport_.write_now(from, ec); }
  std::size_t io_send_file(asio::const_buffer before, int file, std::uint64_t offset, std::size_t size,
                           error_code& ec) override {
    return send_file_on(transport_.stream(), before, file, offset, size, ec);
  }
  void io_shutdown_send() noexcept override {
    if constexpr (requires(Stream & s, error_code & ec) { s.shutdown(asio::socket_base::shutdown_send, ec); }) {
      error_code ignored;
      transport_.stream().shutdown(asio::socket_base::shutdown_send, ignored);
    }
  }
  std::string io_peer() const override { return peer_of(transport_.stream()); }
  bool io_gone(bool fin) noexcept override { return gone(transport_.stream(), fin); }

 protected:
  void io_wait_read() override { transport_.wait_read(readable{counted_ptr<stream_connection>(this)}); }
  void io_wait_write(const gather& from) override {
    transport_.wait_write(from, writable{counted_ptr<stream_connection>(this)});
  }
  void io_give_way() override {
    asio::post(executor(), [w = writable{counted_ptr<stream_connection>(this)}] { w(error_code(), 0); });
  }
  void io_close() noexcept override {
    error_code ignored;
    transport_.stream().close(ignored);
  }
  asio::any_io_executor io_executor() const override { return executor_of(transport_.stream()); }

 private:
  // Asio's get_executor() is not const.
  static auto executor_of(const Stream& s) { return const_cast<Stream&>(s).get_executor(); }

  // An exception that leaves a step (no memory, as a rule) ends the connection, not the server.
  template <class F>
  void guarded(F f) noexcept {
    try {
      f();
    } catch (...) {
      report(std::current_exception(), "a connection", running());
      cut();
    }
  }
  // A quiet connection waits in memory of its own: no allocation for each wait, and no more for all of them.
  using wait_memory = slot_memory<96>;
  struct readable {
    counted_ptr<stream_connection> self;
    using allocator_type = slot_allocator<void, wait_memory>;
    allocator_type get_allocator() const noexcept { return allocator_type(self->wait_memory_); }
    void operator()(error_code ec) const {
      self->guarded([&] { self->on_readable(ec); });
    }
  };
  struct writable {
    counted_ptr<stream_connection> self;
    void operator()(error_code ec, std::size_t n) const {
      self->guarded([&] { self->on_writable(ec, n); });
    }
  };

  transport<Stream> transport_;
  wait_memory wait_memory_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
