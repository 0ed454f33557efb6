// SPDX-License-Identifier: BSL-1.0
// The name of a Unix socket in the file system: taken over from who is gone, and removed at the end.
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/core/detail/decl.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#if defined(ASIO_HAS_LOCAL_SOCKETS) && __has_include(<sys/un.h>)
#define ANTIPHON_HAS_SOCKET_FILES 1
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#endif

namespace antiphon {
inline namespace v0 {
namespace detail {

#if defined(ANTIPHON_HAS_SOCKET_FILES)

/// A descriptor that is closed.
class owned_descriptor {
 public:
  explicit owned_descriptor(int descriptor = -1) noexcept : descriptor_(descriptor) {}
  owned_descriptor(owned_descriptor&& other) noexcept : descriptor_(other.release()) {}
  owned_descriptor& operator=(owned_descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~owned_descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const noexcept { return descriptor_; }
  int release() noexcept { return std::exchange(descriptor_, -1); }
  /// Not inherited by programs that this one starts.
  void close_on_exec() const noexcept { ::fcntl(descriptor_, F_SETFD, ::fcntl(descriptor_, F_GETFD) | FD_CLOEXEC); }

 private:
  int descriptor_;
};

inline owned_descriptor stream_socket() noexcept {
#if defined(SOCK_CLOEXEC)
  return owned_descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
#else
  owned_descriptor made(::socket(AF_UNIX, SOCK_STREAM, 0));
  if (made.get() >= 0) made.close_on_exec();
  return made;
#endif
}

/// Keeps other programs of this library from the names in a directory while one of them changes hands. A lock that
/// does not come soon is done without: it guards against two that start at the same moment, and no more.
class directory_lock {
 public:
  explicit directory_lock(const std::string& directory) noexcept
      : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    for (int tries = 0; tries < 100 && descriptor_.get() >= 0; ++tries) {
      if (::flock(descriptor_.get(), LOCK_EX | LOCK_NB) == 0) return;
      ::poll(nullptr, 0, 1);
    }
  }

 private:
  owned_descriptor descriptor_;
};

/// A name that a listening socket has: removed with this object, if it is still that socket's. To be removed before the
/// socket is closed: until then nothing else can have its inode.
class socket_file {
 public:
  socket_file() = default;
  socket_file(socket_file&& other) noexcept { swap(other); }
  socket_file& operator=(socket_file&& other) noexcept {
    swap(other);
    return *this;
  }
  ~socket_file() { remove(); }

  /// Makes a socket that listens at `path`, with these permissions from the first moment on.
  ///
  /// A socket that is there already is replaced if nobody listens on it. Throws system_error with a sentence.
  static owned_descriptor listen(std::string_view path, unsigned mode, socket_file& file);

  void remove() noexcept {
    if (path_.empty()) return;
    const directory_lock lock(directory_);
    struct stat there {};
    if (::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_)
      ::unlink(path_.c_str());
    path_.clear();
  }

 private:
  void swap(socket_file& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(directory_, other.directory_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
  }
  static void make_way(const std::string& path, const sockaddr_un& address);
  [[noreturn]] static void fail(std::string_view path, int number, const char* hint) {
    const error_code ec(number, asio::error::get_system_category());
    throw system_error(ec, "antiphon cannot listen on unix:" + std::string(path) + ": " + hint);
  }

  std::string path_, directory_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

#else

/// Not on this system.
class socket_file {
 public:
  void remove() noexcept {}
};

#endif

} // namespace detail
} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/server/detail/socket_file_listen.hpp>
#endif
