// SPDX-License-Identifier: BSL-1.0
// socket_file: how a name is taken.
#pragma once

#include <antiphon/server/detail/socket_file.hpp>

#if defined(ANTIPHON_HAS_SOCKET_FILES)

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Removes a socket of which nobody is left.
ANTIPHON_DECL void socket_file::make_way(const std::string& path, const sockaddr_un& address) {
  struct stat before {};
  if (::lstat(path.c_str(), &before) != 0) return; // bind says what is wrong
  if (!S_ISSOCK(before.st_mode))
    fail(path, EEXIST, "there is a file that is no socket; remove it, or choose another path");
  const auto probe = stream_socket();
  if (probe.get() < 0) fail(path, errno, "no socket");
  ::fcntl(probe.get(), F_SETFL, ::fcntl(probe.get(), F_GETFL) | O_NONBLOCK);
  const int why = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  if (why == ENOENT) return;
  if (why == 0 || why == EAGAIN || why == EINPROGRESS || why == EPROTOTYPE)
    fail(path, EADDRINUSE, "another program listens there; stop it, or choose another path");
  if (why != ECONNREFUSED)
    fail(path, why, "there is a socket, and this user may not find out whether a program still listens on it");
  struct stat now {};
  if (::lstat(path.c_str(), &now) == 0 && now.st_dev == before.st_dev && now.st_ino == before.st_ino)
    ::unlink(path.c_str()); // where that fails, bind says why
}

ANTIPHON_DECL owned_descriptor socket_file::listen(std::string_view path, unsigned mode, socket_file& file) {
  sockaddr_un address{};
  if (path.empty() || path.find('\0') != path.npos) fail({}, EINVAL, "a path is not empty, and has no NUL byte");
  if (path.size() >= sizeof address.sun_path)
    fail(path, ENAMETOOLONG, "the path is too long for a socket; choose one of at most 100 bytes");
  if ((mode & ~0777U) != 0) fail(path, EINVAL, "a mode is of three octal digits, such as 0660");
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto bits = static_cast<mode_t>(mode);

  socket_file made;
  const std::string name(path);
  const auto slash = name.rfind('/');
  made.directory_ = slash == name.npos ? "." : slash == 0 ? "/" : name.substr(0, slash);
  auto socket = stream_socket();
  if (socket.get() < 0) fail(path, errno, "no socket");
  const directory_lock lock(made.directory_);
  make_way(name, address);
  ::fchmod(socket.get(), bits); // on Linux the name gets no wider permissions than these
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int why = errno;
    fail(path, why,
         why == EADDRINUSE ? "another program has begun to listen there"
         : why == ENOENT   ? "its directory does not exist; create it (RuntimeDirectory= in a systemd unit)"
         : why == EACCES   ? "this user may not write to its directory"
                           : "its name cannot be made");
  }
  struct stat own {};
  if (::lstat(name.c_str(), &own) != 0 || !S_ISSOCK(own.st_mode)) fail(path, ENOENT, "its name is gone again");
  made.path_ = name;
  made.device_ = own.st_dev;
  made.inode_ = own.st_ino;
  // Nobody can have connected yet: it does not listen.
  if (::fchmodat(AT_FDCWD, name.c_str(), bits, AT_SYMLINK_NOFOLLOW) != 0 && ::chmod(name.c_str(), bits) != 0)
    fail(path, errno, "its permissions cannot be set");
  if (::listen(socket.get(), SOMAXCONN) != 0) fail(path, errno, "it does not listen");
  file = std::move(made);
  return socket;
}

} // namespace detail
} // namespace v0
} // namespace antiphon

#endif
