// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/server/detail/socket_file.hpp>

#include <asio/local/stream_protocol.hpp>

#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {

#if defined(ANTIPHON_HAS_SOCKET_FILES)

/// Listens on a Unix socket, for async_serve: an acceptor that also looks after the name in the file system.
///
///     ap::async_serve(ap::unix_listener(io.get_executor(), "/run/app/app.sock", 0660), app, token);
///
/// A socket that a program before has left there is replaced; one on which a program listens is not. The permissions
/// hold from the first moment on. close(), which the server calls when it stops, and the destructor remove the name, if
/// it is still this socket's. Not on Windows.
class unix_listener {
 public:
  using protocol = asio::local::stream_protocol;
  using executor_type = protocol::acceptor::executor_type;

  /// Throws system_error with a sentence: another program listens there, a file is in the way, the directory is
  /// missing or not this user's, the path is longer than a socket's may be.
  unix_listener(const executor_type& executor, std::string_view path, unsigned mode = 0600) : acceptor_(executor) {
    auto listening = detail::socket_file::listen(path, mode, file_);
    acceptor_.assign(protocol(), listening.get());
    listening.release();
  }
  unix_listener(unix_listener&&) = default;

  executor_type get_executor() { return acceptor_.get_executor(); }

  /// As of an acceptor.
  template <class... Arguments>
  auto async_accept(Arguments&&... arguments) {
    return acceptor_.async_accept(std::forward<Arguments>(arguments)...);
  }

  /// Ends what waits with operation_aborted, and removes the name.
  void close(error_code& ec) {
    file_.remove();
    acceptor_.close(ec);
  }
  void close() {
    error_code ignored;
    close(ignored);
  }

 private:
  protocol::acceptor acceptor_;
  detail::socket_file file_; // goes before the socket does
};

#endif

} // namespace v0
} // namespace antiphon
