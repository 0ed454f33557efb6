// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/address.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/http/head_scanner.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What a proxy says at the beginning of a connection: whose it is.
struct proxy_header {
  std::size_t size = 0; ///< of the header; the client's own bytes come behind it
  /// As request::peer() has it: "192.0.2.1:80", "[2001:db8::1]:80", "unix:". Empty where the proxy speaks for itself
  /// (its health checks: LOCAL) or does not know (UNKNOWN, UNSPEC): then the client is the other end.
  std::string peer;
};

/// The longest header of version 1, its CRLF included.
inline constexpr std::size_t max_proxy_v1 = 107;

namespace detail {

inline constexpr std::string_view proxy_v2_signature("\r\n\r\n\0\r\nQUIT\n", 12);

/// What version 1 says between its spaces; no sign, no zero in front.
inline std::optional<std::uint16_t> parse_proxy_port(std::string_view text) {
  if (text.size() > 5 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto number = parse_decimal(text);
  if (!number || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

/// "TCP4 192.0.2.1 192.0.2.2 51234 80", exactly, or what begins with "UNKNOWN".
inline bool parse_proxy_line(std::string_view line, proxy_header& out) {
  std::array<std::string_view, 5> words;
  std::size_t count = 0;
  for (std::string_view rest = line; count < words.size(); ++count) {
    const auto space = rest.find(' ');
    words[count] = rest.substr(0, space);
    if (count == 0 && words[0] == "UNKNOWN") return true; // what follows is to be passed over
    if (space == rest.npos) {
      ++count;
      break;
    }
    rest.remove_prefix(space + 1);
    if (count + 1 == words.size()) return false; // one word too many
  }
  if (count != words.size()) return false;
  const bool v4 = words[0] == "TCP4";
  if (!v4 && words[0] != "TCP6") return false;
  for (std::size_t i = 1; i <= 2; ++i)
    if (!(v4 ? is_ipv4(words[i]) : is_ipv6(words[i]))) return false;
  const auto address = parse_address(words[1]);
  const auto from = parse_proxy_port(words[3]), to = parse_proxy_port(words[4]);
  if (!address || !from || !to) return false;
  out.peer = peer_text(*address, *from);
  return true;
}

constexpr std::uint16_t proxy_number(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[at]) << 8) |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

/// The addresses behind the first 16 bytes of version 2. `what` is family and transport.
inline bool parse_proxy_addresses(unsigned what, std::string_view bytes, proxy_header& out) {
  const auto copy = [bytes](auto& to) {
    for (std::size_t i = 0; i < to.size(); ++i)
      to[i] = static_cast<typename std::decay_t<decltype(to)>::value_type>(bytes[i]);
  };
  switch (what) {
  case 0x11: { // TCP over IPv4: two addresses, two ports
    if (bytes.size() < 12) return false;
    asio::ip::address_v4::bytes_type from;
    copy(from);
    out.peer = peer_text(asio::ip::address_v4(from), proxy_number(bytes, 8));
    return true;
  }
  case 0x21: {
    if (bytes.size() < 36) return false;
    asio::ip::address_v6::bytes_type from;
    copy(from);
    out.peer = peer_text(asio::ip::address_v6(from), proxy_number(bytes, 32));
    return true;
  }
  case 0x31: // a Unix socket: two paths of 108 bytes, which name nobody
    if (bytes.size() < 216) return false;
    out.peer = unix_peer;
    return true;
  case 0x00: return true; // UNSPEC
  default: return false;  // datagrams, and what is not assigned
  }
}

} // namespace detail

/// Reads a PROXY header, version 1 or 2, from all that has come on a connection. To be called again with more bytes
/// behind the same ones while it says `more`; wrong bytes fail as soon as they are there, however they come.
///
/// `limit`: bytes of a header of version 2. Its TLVs are passed over, its checksum too.
/// Errors: error::bad_proxy_header; error::proxy_header_too_large.
/// Source: The PROXY protocol, versions 1 and 2 (haproxy.org), section 2.
inline parse_result parse_proxy_header(std::string_view input, proxy_header& out, error_code& ec,
                                       std::size_t limit = 4096) {
  constexpr std::string_view v1 = "PROXY ";
  const auto v2 = detail::proxy_v2_signature;
  const auto fail = [&ec](error why) {
    ec = why;
    return parse_result::failed;
  };
  const auto begins_as = [input](std::string_view text) {
    const auto n = std::min(text.size(), input.size());
    return input.substr(0, n) == text.substr(0, n);
  };
  out = {};
  if (begins_as(v1)) {
    const auto end = input.substr(0, max_proxy_v1).find('\r');
    if (end == input.npos) return input.size() < max_proxy_v1 ? parse_result::more : fail(error::bad_proxy_header);
    if (end + 2 > max_proxy_v1 || end < v1.size()) return fail(error::bad_proxy_header);
    if (!detail::parse_proxy_line(input.substr(v1.size(), end - v1.size()), out)) return fail(error::bad_proxy_header);
    if (end + 1 == input.size()) return parse_result::more;
    if (input[end + 1] != '\n') return fail(error::bad_proxy_header);
    out.size = end + 2;
    return parse_result::done;
  }
  if (!begins_as(v2)) return fail(error::bad_proxy_header);
  constexpr std::size_t fixed = 16;
  if (input.size() > 12) {
    const auto command = static_cast<unsigned char>(input[12]);
    if (command != 0x20 && command != 0x21) return fail(error::bad_proxy_header); // version 2, LOCAL or PROXY
  }
  if (input.size() < fixed) return parse_result::more;
  const std::size_t size = fixed + detail::proxy_number(input, 14);
  if (size > limit) return fail(error::proxy_header_too_large);
  if (input.size() < size) return parse_result::more;
  if (static_cast<unsigned char>(input[12]) == 0x21 &&
      !detail::parse_proxy_addresses(static_cast<unsigned char>(input[13]), input.substr(fixed, size - fixed), out))
    return fail(error::bad_proxy_header);
  out.size = size;
  return parse_result::done;
}

} // namespace http
} // namespace v0
} // namespace antiphon
