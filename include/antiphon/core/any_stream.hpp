// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/parked.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

class stream_host;

/// A read or a write that waits in a stream_host.
class transfer : public parked_base {
 public:
  transfer(stream_host& host, asio::mutable_buffer into, asio::const_buffer out, bool write) noexcept
      : to(into), from(out), is_write(write), host_(host) {}

  const asio::mutable_buffer to;
  const asio::const_buffer from;
  const bool is_write;

  void finish(error_code ec, std::size_t n) noexcept {
    ec_ = ec;
    size_ = n;
    post();
  }
  std::tuple<error_code, std::size_t> result() const { return {ec_, size_}; }
  void cancel() noexcept;

 private:
  stream_host& host_;
  error_code ec_;
  std::size_t size_ = 0;
};

/// What stands behind an any_stream. At most one read and one write wait at a time.
class stream_host {
 public:
  virtual asio::any_io_executor host_executor() const = 0;
  /// Takes the transfer over and finishes it when it is made or has failed.
  virtual void host_transfer(transfer&) = 0;
  virtual void host_cancel(transfer&) noexcept = 0;
  virtual void host_shutdown_send() noexcept = 0;
  virtual void host_close() noexcept = 0;

 protected:
  ~stream_host() = default;
};

inline void transfer::cancel() noexcept { host_.host_cancel(*this); }

template <class Buffers>
auto transfer_buffers(const Buffers& buffers) {
  const auto end = asio::buffer_sequence_end(buffers);
  std::conditional_t<asio::is_mutable_buffer_sequence<Buffers>::value, asio::mutable_buffer, asio::const_buffer> first;
  for (auto it = asio::buffer_sequence_begin(buffers); it != end && first.size() == 0; ++it) first = *it;
  return first;
}

} // namespace detail

/// A stream of bytes whose type is forgotten: what an upgrade is given to talk on.
///
/// Models Asio's AsyncReadStream and AsyncWriteStream; one read and one write may be outstanding. Thread safety: none,
/// use it on its executor. Lifetime: valid until the upgrade's coroutine returns, which closes the connection.
class any_stream {
 public:
  using executor_type = asio::any_io_executor;

  explicit any_stream(detail::stream_host& host) noexcept : host_(&host) {}

  executor_type get_executor() const { return host_->host_executor(); }

  /// Reads what is there, at most the first buffer that is not empty.
  ///
  /// Completes:  void(error_code, std::size_t), with at least one byte or an error; never inside the call.
  /// Errors:     asio::error::eof when the peer has ended; antiphon::error::draining, once, when the server begins to
  ///             stop: say goodbye in the protocol and return.
  /// Cancels:    all types; no byte is lost.
  /// Borrows:    the buffer until completion.
  template <class MutableBuffers, asio::completion_token_for<void(error_code, std::size_t)> Token>
  auto async_read_some(const MutableBuffers& buffers, Token&& token) {
    return start<false>(asio::mutable_buffer(detail::transfer_buffers(buffers)), std::forward<Token>(token));
  }

  /// Writes some of the first buffer that is not empty. Contract as async_read_some; cancelling may come too late.
  template <class ConstBuffers, asio::completion_token_for<void(error_code, std::size_t)> Token>
  auto async_write_some(const ConstBuffers& buffers, Token&& token) {
    return start<true>(asio::const_buffer(detail::transfer_buffers(buffers)), std::forward<Token>(token));
  }

  /// Ends the sending side: the peer reads the end of the stream.
  void shutdown_send() noexcept { host_->host_shutdown_send(); }
  /// Closes the connection; what is outstanding completes with operation_aborted.
  void close() noexcept { host_->host_close(); }

 private:
  template <bool Write, class Buffer, class Token>
  auto start(Buffer buffer, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [host = host_, buffer](auto handler) {
          asio::mutable_buffer to;
          asio::const_buffer from;
          if constexpr (Write) {
            from = buffer;
          } else {
            to = buffer;
          }
          host->host_transfer(
              *detail::park<detail::transfer>(std::move(handler), host->host_executor(), *host, to, from, Write));
        },
        token);
  }

  detail::stream_host* host_;
};

} // namespace v0
} // namespace antiphon
