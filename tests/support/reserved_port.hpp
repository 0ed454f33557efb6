// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <asio/ip/tcp.hpp>

#include <cstdint>

namespace threat {

/// A port that is ours while nobody listens there. A socket that is bound and does not listen: connections are refused,
/// the kernel gives the port to no connection, and a server may bind it as well.
class reserved_port {
 public:
  reserved_port() : socket_(io_) {
    socket_.open(asio::ip::tcp::v4());
    socket_.set_option(asio::socket_base::reuse_address(true));
    socket_.bind({asio::ip::address_v4::loopback(), 0});
  }
  std::uint16_t number() const { return socket_.local_endpoint().port(); }

 private:
  asio::io_context io_;
  asio::ip::tcp::acceptor socket_;
};

} // namespace threat
