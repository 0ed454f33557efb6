// SPDX-License-Identifier: BSL-1.0
// How sockets are taken over from systemd.
#pragma once

#include <antiphon/server/inherited_listeners.hpp>

namespace antiphon {
inline namespace v0 {

#if defined(ANTIPHON_HAS_SOCKET_FILES)

namespace detail {

inline std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Why a descriptor is of no use; nullptr where it is.
inline const char* no_listener(int descriptor, int& family) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::fcntl(descriptor, F_GETFD) < 0) return "is not open";
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "is no socket";
  family = address.ss_family;
  if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) return "is no TCP and no Unix socket";
  int type = 0;
  size = sizeof type;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
    return "is no stream socket: say ListenStream= in the socket unit";
#if defined(SO_ACCEPTCONN)
  int listens = 0;
  size = sizeof listens;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
    return "does not listen: say Accept=no in the socket unit";
#endif
  return nullptr;
}

} // namespace detail

ANTIPHON_DECL std::vector<inherited_listener> inherited_listeners() {
  const std::string pid = detail::variable("LISTEN_PID"), count = detail::variable("LISTEN_FDS"),
                    names = detail::variable("LISTEN_FDNAMES");
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  std::vector<inherited_listener> out;
  if (pid.empty() && count.empty()) return out;
  const auto fail = [](const std::string& why) {
    throw system_error(asio::error::invalid_argument, "antiphon: socket activation: " + why);
  };
  const auto owner = http::parse_decimal(pid), many = http::parse_decimal(count);
  if (!owner) fail("LISTEN_PID is no number: '" + pid + "'");
  if (*owner != static_cast<std::uint64_t>(::getpid())) return out;
  constexpr std::uint64_t most = 1000;
  if (!many || *many > most) fail("LISTEN_FDS is no number from 0 to 1000: '" + count + "'");
  std::string_view rest = names;
  for (int i = 0; i < static_cast<int>(*many); ++i) {
    inherited_listener one;
    one.descriptor = 3 + i;
    const auto colon = rest.find(':');
    one.name = rest.substr(0, colon);
    rest.remove_prefix(colon == rest.npos ? rest.size() : colon + 1);
    if (const char* why = detail::no_listener(one.descriptor, one.family))
      fail("descriptor " + std::to_string(one.descriptor) + (one.name.empty() ? "" : " (" + one.name + ")") + " " +
           why);
    ::fcntl(one.descriptor, F_SETFD, ::fcntl(one.descriptor, F_GETFD) | FD_CLOEXEC);
    out.push_back(std::move(one));
  }
  return out;
}

#else

ANTIPHON_DECL std::vector<inherited_listener> inherited_listeners() { return {}; }

#endif

} // namespace v0
} // namespace antiphon
