// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#if defined(__linux__) && __has_include(<sys/sendfile.h>)
#include <csignal>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#define ANTIPHON_HAS_SENDFILE 1
#endif

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Whether a stream is a socket of Asio's and nothing around one: what is written to its descriptor is what is sent.
template <class Stream>
inline constexpr bool is_plain_socket = false;
template <class Protocol, class Executor>
inline constexpr bool is_plain_socket<asio::basic_stream_socket<Protocol, Executor>> = true;

#if defined(ANTIPHON_HAS_SENDFILE)

/// sendfile() knows no MSG_NOSIGNAL, and a client that has gone must not end the program: keeps SIGPIPE from this
/// thread.
class no_pipe_signal {
 public:
  no_pipe_signal() noexcept {
    sigset_t pending;
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    was_pending_ = ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
    blocked_ = ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_) == 0;
  }
  no_pipe_signal(const no_pipe_signal&) = delete;
  ~no_pipe_signal() {
    if (!blocked_) return;
    const timespec at_once{};
    if (raised_ && !was_pending_)
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {}
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  /// That there is one to take away: asked for only then, as each question is a system call.
  void may_be_raised() noexcept { raised_ = true; }

 private:
  sigset_t pipe_, before_;
  bool was_pending_ = false, blocked_ = false, raised_ = false;
};

/// Sends `before` and then `size` bytes of a file, as much as there is room for; how much that was, of both. Errors:
/// would_block; eof: the file has ended; operation_not_supported: not with this file.
inline std::size_t send_file(int socket, asio::const_buffer before, int file, std::uint64_t offset, std::size_t size,
                             error_code& ec) noexcept {
  const auto failed = [&ec](int why) {
    ec = error_code(why, asio::error::get_system_category());
    if (why == EAGAIN) ec = asio::error::would_block;
    if (why == EINVAL || why == ENOSYS) ec = asio::error::operation_not_supported;
  };
  ec = error_code();
  std::size_t sent = 0;
  ssize_t n = 0;
  if (before.size() != 0) { // MSG_MORE: the kernel joins it to what follows
    do n = ::send(socket, before.data(), before.size(), MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
      failed(errno);
      return 0;
    }
    sent = static_cast<std::size_t>(n);
    if (sent < before.size()) {
      ec = asio::error::would_block;
      return sent;
    }
  }
  off_t at = static_cast<off_t>(offset);
  int why = 0;
  {
    no_pipe_signal guard;
    do n = ::sendfile(socket, file, &at, size);
    while (n < 0 && errno == EINTR);
    why = n < 0 ? errno : 0;
    // Where the client goes in the middle of it the signal is there, and the result is what had been sent before.
    if (n < 0 ? why == EPIPE : static_cast<std::size_t>(n) < size) guard.may_be_raised();
  }
  if (n > 0) return sent + static_cast<std::size_t>(n);
  if (n == 0) {
    ec = asio::error::eof;
  } else {
    failed(why);
  }
  return sent;
}

#endif

/// The same for any stream: operation_not_supported where it is no plain socket, or the system has no such call.
template <class Stream>
std::size_t send_file_on([[maybe_unused]] Stream& stream, [[maybe_unused]] asio::const_buffer before,
                         [[maybe_unused]] int file, [[maybe_unused]] std::uint64_t offset,
                         [[maybe_unused]] std::size_t size, error_code& ec) noexcept {
#if defined(ANTIPHON_HAS_SENDFILE)
  if constexpr (is_plain_socket<Stream>) return send_file(stream.native_handle(), before, file, offset, size, ec);
#endif
  ec = asio::error::operation_not_supported;
  return 0;
}

} // namespace detail
} // namespace v0
} // namespace antiphon
