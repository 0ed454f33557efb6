// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/chars.hpp>
#include <antiphon/http/host.hpp>
#include <antiphon/http/token.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {

/// An absolute http or https URL in normal form, as a client needs it: scheme and host in lower case, no default port,
/// no dot segments, no fragment. Its text is one string; the parts are views of it.
///
/// Refused: user information (a password in a URL ends up in logs), control bytes, backslashes, hosts that are no
/// ASCII name or address, addresses in other notations (127.1, 0x7f000001), port 0, malformed escapes in the path, more
/// than max_size bytes. Space, bytes over 0x7f and what else may not stand in a target are percent-encoded.
///
/// Source: RFC 3986, sections 3 and 5; RFC 9110, section 4.2.
class url {
 public:
  static constexpr std::size_t max_size = 8 * 1024;

  url() = default;

  /// Nothing where the text is no such URL.
  static std::optional<url> parse(std::string_view text) {
    if (text.size() > max_size || !clean(text)) return std::nullopt;
    const auto colon = text.find(':');
    if (colon == text.npos || text.substr(colon, 3) != "://") return std::nullopt;
    return make(text.substr(0, colon), text.substr(colon + 3));
  }

  /// What a reference means that was found at this URL, for instance in a Location field. Nothing where it is none.
  std::optional<url> resolve(std::string_view reference) const {
    if (reference.size() > max_size || !clean(reference)) return std::nullopt;
    const auto end = reference.find_first_of(":/?#");
    if (end != reference.npos && reference[end] == ':') return parse(reference);
    if (reference.substr(0, 2) == "//") return make(scheme(), reference.substr(2));
    reference = reference.substr(0, reference.find('#'));
    const auto question = reference.find('?');
    const std::string_view ref_path = reference.substr(0, question);
    std::string joined;
    if (ref_path.empty()) {
      joined.append(path());
      if (question == reference.npos && has_query()) joined.append("?").append(query());
    } else if (ref_path.front() == '/') {
      joined.append(ref_path);
    } else {
      joined.append(path().substr(0, path().rfind('/') + 1)).append(ref_path);
    }
    if (question != reference.npos) joined.append(reference.substr(question));
    url made;
    made.text_.assign(origin());
    made.host_at_ = host_at_, made.host_size_ = host_size_, made.port_ = port_;
    if (!made.append_target(joined)) return std::nullopt;
    return made;
  }

  bool empty() const noexcept { return text_.empty(); }
  /// "http" or "https".
  std::string_view scheme() const noexcept { return view().substr(0, host_at_ < 3 ? 0 : host_at_ - 3); }
  bool secure() const noexcept { return host_at_ == 8; }
  /// In lower case; an IPv6 address keeps its brackets.
  std::string_view host() const noexcept { return view().substr(host_at_, host_size_); }
  /// Explicit, or that of the scheme.
  std::uint16_t port() const noexcept { return port_; }
  /// Host, and the port where it is not that of the scheme: the value of the field Host.
  std::string_view authority() const noexcept { return view().substr(host_at_, target_at_ - host_at_); }
  /// Scheme and authority: what may share connections and credentials.
  std::string_view origin() const noexcept { return view().substr(0, target_at_); }
  /// Path and query, as a request line has them.
  std::string_view target() const noexcept { return view().substr(target_at_); }
  std::string_view path() const noexcept { return target().substr(0, target().find('?')); }
  bool has_query() const noexcept { return target().find('?') != std::string_view::npos; }
  /// Without its question mark.
  std::string_view query() const noexcept {
    const auto at = target().find('?');
    return at == std::string_view::npos ? std::string_view() : target().substr(at + 1);
  }
  /// All of it.
  const std::string& text() const& noexcept { return text_; }
  std::string text() && noexcept { return std::move(text_); }

  friend bool operator==(const url& a, const url& b) noexcept { return a.text_ == b.text_; }

 private:
  std::string_view view() const noexcept { return text_; }

  static bool clean(std::string_view text) noexcept {
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return false;
    return true;
  }

  /// `rest`: authority, path, query and fragment.
  static std::optional<url> make(std::string_view scheme, std::string_view rest) {
    url made;
    const bool secure = iequals(scheme, "https");
    if (!secure && !iequals(scheme, "http")) return std::nullopt;
    rest = rest.substr(0, rest.find('#'));
    std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    rest.remove_prefix(authority.size());
    if (authority.size() > 1 && authority.back() == ':') authority.remove_suffix(1); // an empty port is the default
    const auto host = parse_host(authority);
    if (!host || host->port == std::uint16_t{0} || !good_host(host->host)) return std::nullopt;
    const std::uint16_t usual = secure ? 443 : 80;
    made.port_ = host->port.value_or(usual);
    made.text_.reserve(12 + authority.size() + rest.size());
    made.text_.assign(secure ? "https://" : "http://");
    made.host_at_ = static_cast<std::uint16_t>(made.text_.size());
    made.host_size_ = static_cast<std::uint16_t>(host->host.size());
    for (const char c : host->host) made.text_ += to_lower(c);
    if (made.port_ != usual) made.text_.append(":").append(std::to_string(made.port_));
    if (!made.append_target(rest)) return std::nullopt;
    return made;
  }

  /// What ends like a number is an address, and then in the usual notation: libraries read others as addresses too.
  static bool good_host(std::string_view host) noexcept {
    if (host.empty() || host.front() == '[') return !host.empty();
    if (host.find('%') != host.npos) return false;
    std::string_view last = host;
    if (last.back() == '.') last.remove_suffix(1);
    last = last.substr(last.rfind('.') + 1);
    if (last.empty()) return false;
    bool number = true;
    for (const char c : last) number = number && is_digit(c);
    if (last.size() >= 2 && last[0] == '0' && (last[1] | 0x20) == 'x') number = true;
    return !number || detail::is_ipv4(host);
  }

  /// Path and query: encodes what must be, drops dot segments. An empty path is "/".
  bool append_target(std::string_view text) {
    target_at_ = static_cast<std::uint16_t>(text_.size());
    const auto question = text.find('?');
    std::string_view rest = text.substr(0, question);
    if (!rest.empty()) rest.remove_prefix(1); // the slash
    for (bool more = true; more;) {
      const auto slash = rest.find('/');
      more = slash != rest.npos;
      const std::string_view segment = rest.substr(0, slash);
      const int dots = dot_segment(segment);
      if (dots == 2) drop_segment();
      if (dots == 0) {
        text_ += '/';
        if (!append_encoded(segment, true)) return false;
      } else if (!more) {
        text_ += '/';
      }
      if (more) rest.remove_prefix(slash + 1);
    }
    if (question != text.npos) {
      text_ += '?';
      append_encoded(text.substr(question + 1), false);
    }
    return text_.size() <= 4 * max_size;
  }

  void drop_segment() {
    const auto slash = text_.rfind('/');
    text_.resize(slash < target_at_ ? target_at_ : slash); // the scheme's slashes are always there
  }

  /// 1 for ".", 2 for "..", also encoded; 0 for anything else.
  static int dot_segment(std::string_view s) noexcept {
    int dots = 0;
    while (!s.empty()) {
      if (s.front() == '.') {
        s.remove_prefix(1);
      } else if (s.size() >= 3 && s[0] == '%' && s[1] == '2' && (s[2] | 0x20) == 'e') {
        s.remove_prefix(3);
      } else {
        return 0;
      }
      if (++dots > 2) return 0;
    }
    return dots;
  }

  bool append_encoded(std::string_view part, bool strict) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view never = "\"<>`{}|^#";
    for (std::size_t i = 0; i < part.size(); ++i) {
      const char c = part[i];
      if (c == '%' && strict && (part.size() - i < 3 || !is_hex_digit(part[i + 1]) || !is_hex_digit(part[i + 2])))
        return false;
      if (is_target_char(c) && never.find(c) == never.npos) {
        text_ += c;
      } else {
        const auto byte = static_cast<unsigned char>(c);
        text_ += '%';
        text_ += digits[byte >> 4];
        text_ += digits[byte & 15];
      }
    }
    return true;
  }

  std::string text_;
  std::uint16_t host_at_ = 0, host_size_ = 0, target_at_ = 0, port_ = 0;
};

} // namespace http
} // namespace v0
} // namespace antiphon
