// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/testing/detail/memory_link.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace testing {

namespace detail {

struct initiate_memory_op {
  template <class Handler>
  void operator()(Handler handler, const asio::any_io_executor& executor, const std::shared_ptr<memory_link>& link,
                  int side, memory_op::kind what, const memory_pieces& memory) const {
    start<memory_transfer>(std::move(handler), executor, link, side, what, memory);
  }
  template <class Handler>
  void operator()(Handler handler, const asio::any_io_executor& executor, const std::shared_ptr<memory_link>& link,
                  int side, memory_op::kind what) const {
    start<memory_wait>(std::move(handler), executor, link, side, what, memory_pieces(asio::const_buffer()));
  }

 private:
  template <class Op, class Handler>
  static void start(Handler handler, const asio::any_io_executor& executor, const std::shared_ptr<memory_link>& link,
                    int side, memory_op::kind what, const memory_pieces& memory) {
    auto& home = antiphon::detail::parking_of(asio::get_associated_executor(handler, executor));
    link->start(*antiphon::detail::park<Op>(std::move(handler), executor, home, link, side, what, memory));
  }
};

} // namespace detail

/// One of two connected ends of a stream in memory, with the interface of a TCP socket: what a test speaks to a server
/// through, as badly as it likes.
///
/// `Readiness` says whether it has async_wait, read_some and write_some as sockets have, or only asynchronous reads and
/// writes, as most other streams. Thread safety: distinct ends may be used from distinct threads. Completions are
/// always posted. Destroying an end closes it. A stream that was moved from may only be destroyed.
template <bool Readiness>
class basic_memory_stream {
 public:
  using executor_type = asio::any_io_executor;
  using wait_type = asio::socket_base::wait_type;

  basic_memory_stream(basic_memory_stream&&) noexcept = default;
  basic_memory_stream& operator=(basic_memory_stream&& other) noexcept {
    basic_memory_stream taken(std::move(other));
    std::swap(executor_, taken.executor_);
    std::swap(link_, taken.link_);
    std::swap(side_, taken.side_);
    return *this;
  }
  ~basic_memory_stream() {
    if (link_) link_->close(side_);
  }

  executor_type get_executor() const noexcept { return executor_; }
  bool is_open() const { return link_->is_open(side_); }

  /// At most so many bytes a read; 0 for as many as there are.
  void read_size(std::size_t bytes) { link_->read_size(side_, bytes); }
  /// At most so many bytes a write; 0 for as many as there is room for.
  void write_size(std::size_t bytes) { link_->write_size(side_, bytes); }
  /// Counts the operations of this end (reads, writes, waits; not calls that would block), and fails them from a step
  /// on.
  void fail(const fail_after& failure) { link_->fail(side_, failure); }
  /// Cuts the connection when this end has written so many bytes: the other end reads them, then sees `seen`.
  void cut_after(std::size_t bytes, error_code seen = asio::error::connection_reset) {
    link_->cut_after(side_, bytes, seen);
  }

  /// Completes:  void(error_code), when a read or write would not block.
  /// Errors:     operation_aborted when cancelled or closed; bad_descriptor on a closed end; what `fail` says.
  /// Cancels:    all types.
  template <class Token>
  requires Readiness [[nodiscard]] auto async_wait(wait_type what, Token&& token) {
    using kind = detail::memory_op::kind;
    const kind wanted = what == wait_type::wait_read    ? kind::wait_read
                        : what == wait_type::wait_write ? kind::wait_write
                                                        : kind::wait_error;
    return asio::async_initiate<Token, void(error_code)>(detail::initiate_memory_op(), token, executor_, link_, side_,
                                                         wanted);
  }

  /// Reads what is there: would_block if nothing, eof at the end.
  template <class MutableBuffers>
  requires Readiness std::size_t read_some(const MutableBuffers& buffers, error_code& ec) {
    return link_->now(side_, detail::memory_op::kind::read, detail::memory_pieces(buffers), ec);
  }

  /// Writes what there is room for: would_block if there is none, broken_pipe when the other end has closed.
  template <class ConstBuffers>
  requires Readiness std::size_t write_some(const ConstBuffers& buffers, error_code& ec) {
    return link_->now(side_, detail::memory_op::kind::write, detail::memory_pieces(buffers), ec);
  }

  /// It never blocks, whatever is asked for.
  void non_blocking(bool, error_code& ec) requires Readiness { ec = error_code(); }

  /// Completes:  void(error_code, std::size_t), with at least one byte or an error.
  /// Errors:     eof, connection_reset after a cut, operation_aborted, bad_descriptor, what `fail` says.
  /// Cancels:    all types; no byte is lost.
  /// Borrows:    the buffers until completion.
  template <class MutableBuffers, class Token>
  [[nodiscard]] auto async_read_some(const MutableBuffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(detail::initiate_memory_op(), token, executor_,
                                                                      link_, side_, detail::memory_op::kind::read,
                                                                      detail::memory_pieces(buffers));
  }

  /// Completes:  void(error_code, std::size_t), with at least one byte or an error.
  /// Errors:     broken_pipe, connection_reset after a cut, operation_aborted, bad_descriptor, what `fail` says.
  /// Cancels:    all types; nothing is then written.
  /// Borrows:    the buffers until completion.
  template <class ConstBuffers, class Token>
  [[nodiscard]] auto async_write_some(const ConstBuffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(detail::initiate_memory_op(), token, executor_,
                                                                      link_, side_, detail::memory_op::kind::write,
                                                                      detail::memory_pieces(buffers));
  }

  /// Completes all that waits on this end with operation_aborted.
  void cancel(error_code& ec) {
    ec = error_code();
    link_->cancel(side_);
  }
  void cancel() { link_->cancel(side_); }

  /// shutdown_send: the other end reads what was written, then eof.
  void shutdown(asio::socket_base::shutdown_type what, error_code& ec) {
    link_->shutdown(side_, what != asio::socket_base::shutdown_send, what != asio::socket_base::shutdown_receive, ec);
  }

  /// As cancel(); the other end reads what was written, then eof, and can write no more.
  void close(error_code& ec) {
    ec = error_code();
    link_->close(side_);
  }
  void close() { link_->close(side_); }

 private:
  template <bool A, bool B>
  friend std::pair<basic_memory_stream<A>, basic_memory_stream<B>>
  memory_pair(const asio::any_io_executor&, const asio::any_io_executor&, std::size_t);

  basic_memory_stream(asio::any_io_executor executor, std::shared_ptr<detail::memory_link> link, int side) noexcept
      : executor_(std::move(executor)), link_(std::move(link)), side_(side) {}

  asio::any_io_executor executor_;
  std::shared_ptr<detail::memory_link> link_;
  int side_;
};

/// A memory stream that can say when it is ready, as sockets can.
using memory_stream = basic_memory_stream<true>;
/// A memory stream with asynchronous reads and writes only.
using plain_memory_stream = basic_memory_stream<false>;

/// Two connected ends, one an executor, with room for `capacity` bytes on the way in each direction; a write beyond
/// that waits. The template arguments choose the face of each: `memory_pair<true, false>(a, b)`.
template <bool First = true, bool Second = true>
std::pair<basic_memory_stream<First>, basic_memory_stream<Second>>
memory_pair(const asio::any_io_executor& first, const asio::any_io_executor& second, std::size_t capacity = 64 * 1024) {
  auto link = std::make_shared<detail::memory_link>(capacity);
  return {basic_memory_stream<First>(first, link, 0), basic_memory_stream<Second>(second, link, 1)};
}

/// Two connected ends on one executor.
template <bool First = true, bool Second = true>
auto memory_pair(const asio::any_io_executor& both, std::size_t capacity = 64 * 1024) {
  return memory_pair<First, Second>(both, both, capacity);
}

} // namespace testing
} // namespace v0
} // namespace antiphon
