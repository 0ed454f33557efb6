// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// A host and its port; views of the input. The host of an IPv6 address keeps its brackets.
struct host_port {
  std::string_view host;
  std::optional<std::uint16_t> port;
};

namespace detail {

constexpr bool is_ipv4(std::string_view text) noexcept {
  for (int part = 0; part < 4; ++part) {
    std::size_t digits = 0;
    int number = 0;
    while (digits < text.size() && digits < 3 && is_digit(text[digits])) number = number * 10 + (text[digits++] - '0');
    if (digits == 0 || number > 255 || (digits > 1 && text[0] == '0')) return false;
    text.remove_prefix(digits);
    if (part == 3) return text.empty();
    if (text.empty() || text.front() != '.') return false;
    text.remove_prefix(1);
  }
  return false;
}

/// RFC 3986, section 3.2.2; without brackets, without a zone.
constexpr bool is_ipv6(std::string_view text) noexcept {
  int groups = 0;
  bool compressed = false;
  if (text.substr(0, 2) == "::") {
    compressed = true;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if ((groups == 6 || compressed) && is_ipv4(text)) {
      groups += 2;
      break;
    }
    std::size_t digits = 0;
    while (digits < text.size() && digits < 5 && is_hex_digit(text[digits])) ++digits;
    if (digits == 0 || digits > 4 || ++groups > 8) return false;
    text.remove_prefix(digits);
    if (text.empty()) break;
    if (text.front() != ':') return false;
    text.remove_prefix(1);
    if (text.empty()) return false;
    if (text.front() == ':') {
      if (compressed) return false;
      compressed = true;
      text.remove_prefix(1);
    }
  }
  return compressed ? groups < 8 : groups == 8;
}

constexpr bool is_reg_name(std::string_view text) noexcept {
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3 || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) return false;
      i += 2;
    } else if (!is_a(text[i], unreserved_class | sub_delim_class)) {
      return false;
    }
  }
  return true;
}

} // namespace detail

/// Splits what a Host field or an authority holds: a name, an IPv4 address or an IPv6 address in brackets, and perhaps
/// a colon and a port from 0 to 65535. Nothing if it is anything else: empty, with user information, a zone, an empty
/// port.
constexpr std::optional<host_port> parse_host(std::string_view text) noexcept {
  host_port out;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos || !detail::is_ipv6(text.substr(1, close - 1))) return std::nullopt;
    out.host = text.substr(0, close + 1);
  } else {
    out.host = text.substr(0, text.find(':'));
    if (!detail::is_reg_name(out.host)) return std::nullopt;
  }
  text.remove_prefix(out.host.size());
  if (text.empty()) return out;
  if (text.front() != ':' || text.size() < 2 || text.size() > 6) return std::nullopt;
  std::uint32_t port = 0;
  for (const char c : text.substr(1)) {
    if (!is_digit(c)) return std::nullopt;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (port > 65535) return std::nullopt;
  out.port = static_cast<std::uint16_t>(port);
  return out;
}

/// Whether a Host field may have this value.
constexpr bool valid_host(std::string_view text) noexcept { return parse_host(text).has_value(); }

} // namespace http
} // namespace v0
} // namespace antiphon
