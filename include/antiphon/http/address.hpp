// SPDX-License-Identifier: BSL-1.0
// Addresses of clients, as text and as numbers: one spelling each, so that they can be compared and counted.
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/http/host.hpp>
#include <antiphon/http/token.hpp>

#include <asio/ip/address.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What request::peer() says of a client that came over a Unix socket: such have no address.
inline constexpr std::string_view unix_peer = "unix:";

/// IPv4 inside IPv6 (::ffff:192.0.2.1, which a dual-stack listener shows) is the IPv4 address: one and the same client.
inline asio::ip::address unwrap_address(const asio::ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, a.to_v6());
  return a;
}

/// An IPv4 or IPv6 address, unwrapped; nothing for anything else, also brackets, ports and zones.
inline std::optional<asio::ip::address> parse_address(std::string_view text) {
  constexpr std::size_t longest = 45; // eight groups, the last two as IPv4
  if (text.size() > longest || !(detail::is_ipv4(text) || detail::is_ipv6(text))) return std::nullopt;
  error_code ec;
  const auto made = asio::ip::make_address(std::string(text), ec);
  if (ec) return std::nullopt;
  return unwrap_address(made);
}

/// "192.0.2.1:80", "[2001:db8::1]:80"; the address is unwrapped.
inline std::string peer_text(const asio::ip::address& a, std::optional<std::uint16_t> port) {
  const auto plain = unwrap_address(a);
  std::string text = plain.to_string();
  if (plain.is_v6()) text.insert(0, 1, '[').append(1, ']');
  if (port) text.append(1, ':').append(std::to_string(*port));
  return text;
}

/// Of what request::peer() says, the part that names the client: without port and brackets. What is no address
/// ("unix:", "unknown") stays as it is.
constexpr std::string_view peer_address(std::string_view peer) noexcept {
  if (!peer.empty() && peer.front() == '[') return peer.substr(1, peer.find(']') - 1);
  const auto colon = peer.find(':');
  if (colon == peer.npos || colon + 1 == peer.size() || peer.find(':', colon + 1) != peer.npos) return peer;
  return peer.substr(0, colon);
}

/// An address and a port, as proxies write them: "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "2001:db8::1".
struct node {
  asio::ip::address address;
  std::optional<std::uint16_t> port;
};

/// Nothing for what is not exactly one. A port of Forwarded that hides itself ("_x") is no port, and no error.
inline std::optional<node> parse_node(std::string_view text) {
  node out;
  std::string_view host = text, port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == text.npos) return std::nullopt;
    host = text.substr(1, close - 1);
    if (!detail::is_ipv6(host)) return std::nullopt;
    port = text.substr(close + 1);
    has_port = !port.empty();
    if (has_port && port.front() != ':') return std::nullopt;
    if (has_port) port.remove_prefix(1);
  } else if (const auto colon = text.find(':'); colon != text.npos && text.find(':', colon + 1) == text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  const auto address = parse_address(host);
  if (!address) return std::nullopt;
  out.address = *address;
  if (!has_port || (port.size() > 1 && port.front() == '_')) return out;
  const auto number = port.size() <= 5 ? parse_decimal(port) : std::nullopt;
  if (!number || *number > 65535) return std::nullopt;
  out.port = static_cast<std::uint16_t>(*number);
  return out;
}

/// Addresses that begin with the same bits: "10.0.0.0/8", "2001:db8::/32", or one address.
class network {
 public:
  /// Nothing for what is neither, also where bits behind the prefix are set ("10.1.0.0/8").
  static std::optional<network> parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto host = text.substr(0, slash);
    const auto address = parse_address(host);
    if (!address) return std::nullopt;
    network out;
    out.base_ = *address;
    const unsigned most = address->is_v4() ? 32 : 128;
    // A mapped address is written with the bits of IPv6.
    const unsigned before = address->is_v4() && host.find(':') != host.npos ? 96 : 0;
    out.bits_ = most;
    if (slash != text.npos) {
      const auto bits = text.size() - slash <= 4 ? parse_decimal(text.substr(slash + 1)) : std::nullopt;
      if (!bits || *bits < before || *bits > most + before) return std::nullopt;
      out.bits_ = static_cast<unsigned>(*bits) - before;
    }
    if (!out.rest_is_zero()) return std::nullopt;
    return out;
  }

  bool contains(const asio::ip::address& a) const {
    const auto other = unwrap_address(a);
    if (other.is_v4() != base_.is_v4()) return false;
    return base_.is_v4() ? same(base_.to_v4().to_bytes(), other.to_v4().to_bytes())
                         : same(base_.to_v6().to_bytes(), other.to_v6().to_bytes());
  }

 private:
  template <class Bytes>
  bool same(const Bytes& a, const Bytes& b) const noexcept {
    for (unsigned i = 0; i < bits_; ++i)
      if (bit(a, i) != bit(b, i)) return false;
    return true;
  }
  bool rest_is_zero() const {
    const auto zero = [this](const auto& bytes) {
      for (unsigned i = bits_; i < bytes.size() * 8; ++i)
        if (bit(bytes, i)) return false;
      return true;
    };
    return base_.is_v4() ? zero(base_.to_v4().to_bytes()) : zero(base_.to_v6().to_bytes());
  }
  template <class Bytes>
  static bool bit(const Bytes& bytes, unsigned i) noexcept {
    return ((bytes[i / 8] >> (7 - i % 8)) & 1) != 0;
  }

  asio::ip::address base_;
  unsigned bits_ = 0;
};

} // namespace http
} // namespace v0
} // namespace antiphon
