// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/token.hpp>
#include <antiphon/http/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Reads a JSON text of a known form from front to back, without a tree: what is asked for in turn is there, or the
/// scanner has failed, and stays so. What is not wanted is skipped, and looked at all the same. Sans-I/O; views of the
/// text.
///
///     json_scanner in(text);
///     in.object([&](std::string_view name) { name == "n" ? in.number(n) : in.skip(); });
///     if (!in.finish()) …
///
/// Source: RFC 8259. Strings have to be well-formed UTF-8; an escaped half of a surrogate pair becomes U+FFFD.
class json_scanner {
 public:
  static constexpr unsigned max_depth = 64;
  static constexpr std::size_t max_name = 256; ///< bytes of a member's name, as they stand in the text

  explicit json_scanner(std::string_view text) noexcept : rest_(text) {}

  bool failed() const noexcept { return failed_; }
  /// For what is well-formed, and yet not what it should be.
  void fail() noexcept { failed_ = true, rest_ = {}; }
  /// Whether all was well, and nothing but space is left.
  bool finish() noexcept {
    if (peek() != '\0' || !rest_.empty()) fail();
    return !failed_;
  }
  /// The first byte of the next value; 0 at the end.
  char peek() noexcept {
    const auto at = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(at == rest_.npos ? rest_.size() : at);
    return rest_.empty() ? '\0' : rest_.front();
  }

  /// Calls f(name) for each member; f takes its value.
  template <class F>
  void object(F f) {
    sequence('{', '}', [&] {
      std::string decoded;
      const auto name = string(decoded, max_name);
      if (!take(':')) return;
      f(name);
    });
  }
  /// Calls f() for each element; f takes it.
  template <class F>
  void array(F f) {
    sequence('[', ']', f);
  }
  /// A string: a view of the text, or of `decoded` where it has escapes. Fails where it takes more than `most` bytes.
  std::string_view string(std::string& decoded, std::size_t most = std::string_view::npos) {
    if (peek() != '"') return fail(), std::string_view();
    std::size_t end = 1;
    bool plain = true;
    for (;; ++end) {
      if (end >= rest_.size() || end - 1 > most || static_cast<unsigned char>(rest_[end]) < 0x20)
        return fail(), std::string_view();
      if (rest_[end] == '"') break;
      if (rest_[end] != '\\') continue;
      plain = false;
      ++end;
    }
    const auto inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    if (!is_utf8(inside)) return fail(), std::string_view();
    if (plain) return inside;
    decoded.clear();
    decode(decoded, inside);
    return failed_ ? std::string_view() : std::string_view(decoded);
  }
  /// A whole number without a sign.
  std::optional<std::uint64_t> number() {
    peek();
    const auto digits = rest_.substr(0, rest_.find_first_not_of("0123456789"));
    const auto value = parse_decimal(digits);
    const auto after = rest_.substr(digits.size(), 1);
    if (!value || (digits.size() > 1 && digits.front() == '0') || after.find_first_of(".eE") != after.npos) {
      fail();
      return std::nullopt;
    }
    rest_.remove_prefix(digits.size());
    return value;
  }
  bool boolean() {
    const bool is = peek() == 't';
    word(is ? "true" : "false");
    return is && !failed_;
  }
  /// Whether the next value is null, which is taken then.
  bool null() {
    if (peek() != 'n') return false;
    word("null");
    return true;
  }
  /// One value of any kind, as it stands in the text.
  std::string_view skip() {
    peek();
    const char* const begin = rest_.data();
    value();
    return failed_ ? std::string_view() : std::string_view(begin, static_cast<std::size_t>(rest_.data() - begin));
  }

 private:
  template <class F>
  void sequence(char open, char close, F f) {
    if (depth_ == max_depth || !take(open)) return fail();
    ++depth_;
    if (peek() != close) {
      do f();
      while (!failed_ && peek() == ',' && take(','));
    }
    take(close);
    --depth_;
  }
  bool take(char c) {
    if (failed_ || peek() != c) return fail(), false;
    rest_.remove_prefix(1);
    return true;
  }
  void word(std::string_view w) {
    if (rest_.substr(0, w.size()) != w) return fail();
    rest_.remove_prefix(w.size());
  }
  void value() {
    switch (peek()) {
    case '{': return object([this](std::string_view) { value(); });
    case '[': return array([this] { value(); });
    case '"': {
      std::string ignored;
      string(ignored);
      return;
    }
    case 't': return word("true");
    case 'f': return word("false");
    case 'n': return word("null");
    default: return any_number();
    }
  }
  void any_number() {
    const auto digits = [this] {
      const auto n = rest_.find_first_not_of("0123456789");
      const auto count = n == rest_.npos ? rest_.size() : n;
      rest_.remove_prefix(count);
      return count;
    };
    const auto next_is = [this](char c) { return !rest_.empty() && rest_.front() == c; };
    if (next_is('-')) rest_.remove_prefix(1);
    const bool zero = next_is('0');
    const auto whole = digits();
    if (whole == 0 || (zero && whole > 1)) return fail();
    if (next_is('.')) {
      rest_.remove_prefix(1);
      if (digits() == 0) return fail();
    }
    if (next_is('e') || next_is('E')) {
      rest_.remove_prefix(1);
      if (next_is('+') || next_is('-')) rest_.remove_prefix(1);
      if (digits() == 0) return fail();
    }
  }

  void decode(std::string& out, std::string_view text) {
    while (!text.empty()) {
      const auto plain = text.substr(0, text.find('\\'));
      out.append(plain);
      text.remove_prefix(plain.size());
      if (text.empty()) return;
      const char c = text[1]; // the scan has seen it
      text.remove_prefix(2);
      switch (c) {
      case '"':
      case '\\':
      case '/': out.push_back(c); break;
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'u': {
        auto code = hex4(text);
        if (!code) return fail();
        if (*code >= 0xd800 && *code < 0xdc00 && text.substr(0, 2) == "\\u") {
          auto ahead = text.substr(2);
          const auto low = hex4(ahead);
          if (low && *low >= 0xdc00 && *low < 0xe000) {
            code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
            text = ahead;
          }
        }
        append(out, *code >= 0xd800 && *code < 0xe000 ? 0xfffd : *code);
        break;
      }
      default: return fail();
      }
    }
  }
  static std::optional<std::uint32_t> hex4(std::string_view& text) noexcept {
    if (text.size() < 4) return std::nullopt;
    std::uint32_t code = 0;
    for (const char c : text.substr(0, 4)) {
      const char lower = to_lower(c);
      const int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
      if (digit < 0) return std::nullopt;
      code = code << 4 | static_cast<std::uint32_t>(digit);
    }
    text.remove_prefix(4);
    return code;
  }
  static void append(std::string& out, std::uint32_t code) {
    const auto byte = [&](std::uint32_t b) { out.push_back(static_cast<char>(static_cast<unsigned char>(b))); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
      byte(0xc0 | code >> 6);
    } else {
      if (code < 0x10000) {
        byte(0xe0 | code >> 12);
      } else {
        byte(0xf0 | code >> 18);
        byte(0x80 | (code >> 12 & 63));
      }
      byte(0x80 | (code >> 6 & 63));
    }
    byte(0x80 | (code & 63));
  }

  std::string_view rest_;
  unsigned depth_ = 0;
  bool failed_ = false;
};

namespace detail {

/// RFC 4648, section 4, with its padding and nothing else. False: it is not.
inline bool append_unbase64(std::string& out, std::string_view text) {
  if (text.size() % 4 != 0) return false;
  const auto value = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  for (; !text.empty(); text.remove_prefix(4)) {
    std::size_t digits = 4;
    if (text.size() == 4 && text[3] == '=') digits = text[2] == '=' ? 2 : 3;
    unsigned three = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int v = i < digits ? value(text[i]) : 0;
      if (v < 0) return false;
      three = three << 6 | static_cast<unsigned>(v);
    }
    if ((digits == 3 && (three & 0xff) != 0) || (digits == 2 && (three & 0xffff) != 0)) return false;
    for (std::size_t i = 0; i + 1 < digits; ++i) out.push_back(static_cast<char>(three >> (16 - 8 * i) & 0xff));
  }
  return true;
}

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
