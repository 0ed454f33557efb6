// SPDX-License-Identifier: BSL-1.0
// Where run() listens: one acceptor a context for each address.
#pragma once

#include <antiphon/http/address.hpp>
#include <antiphon/server/detail/inherited.hpp>
#include <antiphon/server/detail/socket_file.hpp>
#include <antiphon/server/run_options.hpp>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/local/stream_protocol.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Of TCP and of Unix sockets: one kind of server for both.
using io_acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, asio::io_context::executor_type>;
using tcp_acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;

/// Makes an acceptor for a port that listens. Throws system_error with a sentence.
class port_listener {
  using tcp = asio::ip::tcp;

 public:
  explicit port_listener(const run_options& options) : options_(options), port_(options.port) {}

  /// Acceptors of the same port share it: the kernel deals connections out to them.
  tcp_acceptor listen(asio::io_context& io) {
    const bool shares = options_.threads > 1;
    asio::ip::address address = asio::ip::address_v6::any();
    error_code ec;
    if (!options_.address.empty()) {
      address = asio::ip::make_address(std::string(options_.address), ec);
      if (ec) throw system_error(ec, "antiphon: '" + std::string(options_.address) + "' is no IP address");
    }
    // Where a port is shared, another program that has it would not be noticed.
    if (shares && first_ && port_ != 0) bind(io, address, false);
    auto made = bind(io, address, shares);
    made.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) fail(ec);
    port_ = made.local_endpoint().port();
    first_ = false;
    return made;
  }

 private:
  tcp_acceptor bind(asio::io_context& io, const asio::ip::address& address, bool shares) const {
    tcp_acceptor made(io);
    error_code ec = try_bind(made, address, shares);
    if (options_.address.empty() && without_ipv6(ec)) {
      error_code ignored;
      made.close(ignored);
      ec = try_bind(made, asio::ip::address_v4::any(), shares);
    }
    if (ec) fail(ec);
    return made;
  }
  error_code try_bind(tcp_acceptor& made, const asio::ip::address& address, bool shares) const {
    error_code ec;
    made.open(address.is_v6() ? tcp::v6() : tcp::v4(), ec);
    if (!ec && address.is_v6() && options_.address.empty()) made.set_option(asio::ip::v6_only(false), ec);
#if !defined(_WIN32) // there it would let another program take the port over
    if (!ec) made.set_option(tcp::acceptor::reuse_address(true), ec);
#endif
    if (!ec && shares) share(made, ec);
    if (!ec) made.bind({address, port_}, ec);
    return ec;
  }
  static void share([[maybe_unused]] tcp_acceptor& made, error_code& ec) {
#if defined(SO_REUSEPORT)
    made.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true), ec);
#else
    ec = asio::error::no_protocol_option;
#endif
  }
  static bool without_ipv6(const error_code& ec) {
    return ec == asio::error::address_family_not_supported || ec == std::errc::address_not_available ||
           ec == std::errc::protocol_not_supported;
  }
  [[noreturn]] void fail(const error_code& ec) const {
    std::string why = "antiphon cannot listen on ";
    if (!options_.address.empty()) why.append(options_.address).append(" ");
    why.append("port ").append(std::to_string(port_)).append(": ");
    if (ec == asio::error::address_in_use) {
      why += "another program listens there; stop it, or choose another port";
    } else if (ec == asio::error::access_denied) {
      why += "this user has no right to it; ports below 1024 want root or CAP_NET_BIND_SERVICE";
    } else if (ec == std::errc::address_not_available) {
      why += "no interface of this machine has that address";
    } else if (options_.threads > 1 && ec == asio::error::no_protocol_option) {
      why += "threads share a port by SO_REUSEPORT, which this system does not have; say .threads = 1";
    } else {
      why += ec.message();
    }
    throw system_error(ec, why);
  }

  const run_options& options_;
  std::uint16_t port_;
  bool first_ = true;
};

/// The address of an acceptor, for people.
inline std::string place_of(const io_acceptor& listening) {
  error_code ec;
  const auto end = listening.local_endpoint(ec);
  if (ec) return "a socket";
  const auto family = end.protocol().family();
  if (family == asio::ip::tcp::v4().family() || family == asio::ip::tcp::v6().family()) {
    asio::ip::tcp::endpoint at;
    std::memcpy(at.data(), end.data(), end.size());
    const bool all = at.address().is_unspecified();
    std::string text = "http://";
    text.append(all ? "localhost" : http::peer_text(at.address(), std::nullopt));
    text.append(":").append(std::to_string(at.port()));
    return all ? text + " (all addresses)" : text;
  }
#if defined(ANTIPHON_HAS_SOCKET_FILES)
  asio::local::stream_protocol::endpoint at;
  if (end.size() <= at.capacity()) {
    std::memcpy(at.data(), end.data(), end.size());
    at.resize(end.size());
    return "unix:" + at.path();
  }
#endif
  return "a socket";
}

/// All that run() listens on.
class run_listeners {
 public:
  /// Throws system_error with a sentence.
  explicit run_listeners(const run_options& options) : options_(options), port_(options) {}

  /// The acceptors of one context; the caller's context comes first.
  std::vector<io_acceptor> open(asio::io_context& io) {
    std::vector<io_acceptor> made;
#if defined(ANTIPHON_HAS_SOCKET_FILES)
    if (shared_.empty())
      take(io, made);
    else
      copy(io, made);
    if (made.empty()) made.emplace_back(port_.listen(io));
#else
    if (!options_.path.empty())
      throw system_error(asio::error::operation_not_supported,
                         "antiphon cannot listen on unix:" + std::string(options_.path) +
                             ": this system has no such sockets; give a port");
    made.emplace_back(port_.listen(io));
#endif
    return made;
  }

  /// The socket's name in the file system goes: before the socket does, or another's could be taken for it.
  void remove_file() noexcept { file_.remove(); }

 private:
#if defined(ANTIPHON_HAS_SOCKET_FILES)
  struct shared {
    int family, descriptor;
  };

  void take(asio::io_context& io, std::vector<io_acceptor>& made) {
    if (options_.inherited)
      for (const auto& one : inherited_listeners()) add(io, one.family, owned_descriptor(one.descriptor), made);
    if (made.empty() && !options_.path.empty())
      add(io, AF_UNIX, socket_file::listen(options_.path, options_.mode, file_), made);
    for (auto& listening : made)
      shared_.push_back({listening.local_endpoint().protocol().family(), listening.native_handle()});
  }
  /// Further contexts accept from the same socket: whoever is there first gets the connection.
  void copy(asio::io_context& io, std::vector<io_acceptor>& made) {
    for (const auto& one : shared_) {
      owned_descriptor copied(::fcntl(one.descriptor, F_DUPFD_CLOEXEC, 3));
      if (copied.get() < 0)
        throw system_error(error_code(errno, asio::error::get_system_category()),
                           "antiphon cannot listen in another thread: no descriptor is left");
      add(io, one.family, std::move(copied), made);
    }
  }
  static void add(asio::io_context& io, int family, owned_descriptor descriptor, std::vector<io_acceptor>& made) {
    made.emplace_back(io, asio::generic::stream_protocol(family, 0), descriptor.get());
    descriptor.release();
  }

  std::vector<shared> shared_; // sockets of which every context has a copy
#endif

  const run_options& options_;
  port_listener port_;
  socket_file file_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
