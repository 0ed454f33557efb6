// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace antiphon {
inline namespace v0 {

namespace detail {
struct ignore_wait {
  void operator()(error_code) const {}
};
struct ignore_transfer {
  void operator()(error_code, std::size_t) const {}
};
} // namespace detail

/// A stream that can say when it is ready, and read and write without waiting: TCP and Unix sockets. A session over
/// one holds no buffer while it is quiet.
template <class Stream>
concept readiness_stream = requires(Stream& stream, error_code& ec, asio::mutable_buffer in, asio::const_buffer out) {
  stream.async_wait(asio::socket_base::wait_read, detail::ignore_wait());
  { stream.read_some(in, ec) } -> std::convertible_to<std::size_t>;
  { stream.write_some(out, ec) } -> std::convertible_to<std::size_t>;
  stream.non_blocking(true, ec);
};

/// Any asynchronous stream of bytes: what Asio calls AsyncReadStream and AsyncWriteStream.
template <class Stream>
concept byte_stream = requires(Stream& stream, asio::mutable_buffer in, asio::const_buffer out) {
  stream.get_executor();
  stream.async_read_some(in, detail::ignore_transfer());
  stream.async_write_some(out, detail::ignore_transfer());
};

namespace detail {

using gather = std::array<asio::const_buffer, 2>;

/// What a session asks of a stream: wait readable, read now, write now (gather), wait writable, hang up.
template <class Stream>
class transport;

/// Sockets: readiness and non-blocking calls, nothing held.
template <readiness_stream Stream>
class transport<Stream> {
 public:
  explicit transport(Stream stream) noexcept : stream_(std::move(stream)) {}

  Stream& stream() noexcept { return stream_; }
  const Stream& stream() const noexcept { return stream_; }
  void open(error_code& ec) { stream_.non_blocking(true, ec); }

  /// h(error_code)
  template <class Handler>
  void wait_read(Handler h) {
    stream_.async_wait(asio::socket_base::wait_read, std::move(h));
  }
  std::size_t read_now(asio::mutable_buffer to, error_code& ec) { return stream_.read_some(to, ec); }
  std::size_t write_now(const gather& from, error_code& ec) {
    return from[1].size() == 0 ? stream_.write_some(from[0], ec) : stream_.write_some(from, ec);
  }
  /// h(error_code, bytes written meanwhile): the next write_now is worth trying.
  template <class Handler>
  void wait_write(const gather&, Handler h) {
    stream_.async_wait(asio::socket_base::wait_write, [h = std::move(h)](error_code ec) mutable { h(ec, 0); });
  }

 private:
  Stream stream_;
};

/// Any other stream: one read is always under way into a buffer that is held, and every write waits.
template <byte_stream Stream>
requires(!readiness_stream<Stream>) class transport<Stream> {
 public:
  explicit transport(Stream stream) : stream_(std::move(stream)), held_(std::make_unique<held>()) {}

  Stream& stream() noexcept { return stream_; }
  const Stream& stream() const noexcept { return stream_; }
  void open(error_code&) {}

  template <class Handler>
  void wait_read(Handler h) {
    if (held_->size != 0) { // read earlier than asked for
      asio::post(stream_.get_executor(), [h = std::move(h)]() mutable { h(error_code()); });
      return;
    }
    stream_.async_read_some(asio::buffer(held_->bytes),
                            [to = held_.get(), h = std::move(h)](error_code ec, std::size_t n) mutable {
                              // `h` owns what owns `to`
                              to->begin = 0;
                              to->size = n;
                              to->failure = ec;
                              h(ec == asio::error::operation_aborted ? ec : error_code());
                            });
  }
  std::size_t read_now(asio::mutable_buffer to, error_code& ec) {
    if (held_->size == 0) {
      ec = held_->failure ? held_->failure : error_code(asio::error::would_block);
      return 0;
    }
    ec = error_code();
    const std::size_t n = asio::buffer_copy(to, asio::buffer(held_->bytes.data() + held_->begin, held_->size));
    held_->begin += n;
    held_->size -= n;
    return n;
  }
  std::size_t write_now(const gather&, error_code& ec) {
    ec = asio::error::would_block;
    return 0;
  }
  /// Writes a copy of what comes first: bytes are added to what it came from meanwhile, or it goes.
  template <class Handler>
  void wait_write(const gather& from, Handler h) {
    const std::size_t n = (std::min)(asio::buffer_size(from), most_written);
    std::unique_ptr<char[]> copy(new char[n]);
    const auto piece = asio::buffer(copy.get(), n);
    asio::buffer_copy(piece, from);
    stream_.async_write_some(asio::const_buffer(piece),
                             [copy = std::move(copy), h = std::move(h)](error_code ec, std::size_t written) mutable {
                               copy.reset();
                               h(ec, written);
                             });
  }

 private:
  static constexpr std::size_t most_written = 16 * 1024;
  struct held {
    std::array<char, 4096> bytes;
    std::size_t begin = 0, size = 0;
    error_code failure;
  };
  Stream stream_;
  std::unique_ptr<held> held_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
