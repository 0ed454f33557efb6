// SPDX-License-Identifier: BSL-1.0
// What proxies say of the client in fields: Forwarded (RFC 7239), and X-Forwarded-For with its relatives.
#pragma once

#include <antiphon/http/token.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace http {

/// One element of Forwarded: what one proxy says of the connection that it was sent. The texts are without quotes and
/// escapes, and else as they came: `client` is an address with or without a port, "unknown", or a name that begins with
/// '_'; empty where it does not say.
struct forwarded_element {
  std::string client; ///< `for`
  std::string by;
  std::string host;
  std::string proto;
};

/// Nothing where it is malformed, or says the same thing twice. Parameters that RFC 7239 does not name are passed over.
///
/// Source: RFC 7239, section 4.
inline std::optional<forwarded_element> parse_forwarded_element(std::string_view text) {
  forwarded_element out;
  std::array<bool, 4> seen{};
  parameter_reader reader(text);
  for (parameter p; reader.next(p);) {
    if (!p.has_value) return std::nullopt;
    const std::array<std::pair<std::string_view, std::string*>, 4> known{
        {{"for", &out.client}, {"by", &out.by}, {"host", &out.host}, {"proto", &out.proto}}};
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (!iequals(p.name, known[i].first)) continue;
      if (std::exchange(seen[i], true)) return std::nullopt;
      *known[i].second = p.text();
    }
  }
  if (reader.failed()) return std::nullopt;
  return out;
}

/// The elements of Forwarded, the client's own proxy first. Several field lines are one list: join them with commas.
/// Nothing where any is malformed: a client that sends half a quoted string must not hide what a proxy appends to it.
inline std::optional<std::vector<forwarded_element>> parse_forwarded(std::string_view list) {
  std::vector<forwarded_element> out;
  while (const auto text = next_element(list)) {
    auto element = parse_forwarded_element(*text);
    if (!element) return std::nullopt;
    out.push_back(std::move(*element));
  }
  return out;
}

/// Takes the last element of a list such as X-Forwarded-For, which has no quoted strings; empty ones are passed over.
/// `while (auto element = last_element(rest)) ...` goes from the nearest proxy to the client.
constexpr std::optional<std::string_view> last_element(std::string_view& rest) noexcept {
  while (!rest.empty()) {
    const auto comma = rest.rfind(',');
    const auto element = trim_ows(comma == rest.npos ? rest : rest.substr(comma + 1));
    rest = comma == rest.npos ? std::string_view() : rest.substr(0, comma);
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

} // namespace http
} // namespace v0
} // namespace antiphon
