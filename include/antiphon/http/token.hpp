// SPDX-License-Identifier: BSL-1.0
// What stands inside field values: tokens, lists, quoted strings, parameters and weights (RFC 9110, sections 5.6
// and 12.4).
#pragma once

#include <antiphon/http/chars.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace http {

/// Whether the text is a token: a method, a field name, a parameter name.
constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && detail::all_of(text, detail::token_class);
}

/// Whether the text can be a field value: no control byte but tab, no space or tab at either end. May be empty.
constexpr bool is_field_value(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  return detail::all_of(text, detail::value_class) && (text.empty() || (!blank(text.front()) && !blank(text.back())));
}

namespace detail {
inline bool same_eight(const char* a, const char* b) noexcept {
  std::uint64_t x, y;
  std::memcpy(&x, a, 8);
  std::memcpy(&y, b, 8);
  return x == y;
}
} // namespace detail

/// Equality without regard to the case of ASCII letters.
constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  std::size_t i = 0;
  if (!std::is_constant_evaluated() && a.size() >= 8) { // equal as they are, as a rule: eight bytes at a time
    const std::size_t last = a.size() - 8;
    while (i < last && detail::same_eight(a.data() + i, b.data() + i)) i += 8;
    if (i >= last && detail::same_eight(a.data() + last, b.data() + last)) return true;
  }
  for (; i < a.size(); ++i)
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

/// The text without spaces and tabs at its ends.
constexpr std::string_view trim_ows(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// A number of plain decimal digits: no sign, no space, no overflow.
constexpr std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t number = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (number > most / 10 || number * 10 > most - digit) return std::nullopt;
    number = number * 10 + digit;
  }
  return number;
}

/// The place of the first `wanted` that is not inside a quoted string, or the size. A string that is never closed
/// reaches to the end.
constexpr std::size_t find_unquoted(std::string_view text, char wanted) noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == wanted) {
      return i;
    }
  }
  return text.size();
}

/// Takes the next element of a comma-separated list, without the space around it; empty elements are passed over.
/// `while (auto element = next_element(rest)) ...`
constexpr std::optional<std::string_view> next_element(std::string_view& rest) noexcept {
  while (!rest.empty()) {
    const auto end = find_unquoted(rest, ',');
    const auto element = trim_ows(rest.substr(0, end));
    rest.remove_prefix(end < rest.size() ? end + 1 : end);
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

/// Whether a comma-separated list has this token, without regard to case: `list_has_token("close, Upgrade",
/// "upgrade")`.
constexpr bool list_has_token(std::string_view list, std::string_view token) noexcept {
  while (const auto element = next_element(list))
    if (iequals(*element, token)) return true;
  return false;
}

/// The text as a quoted string. Throws std::invalid_argument if it has a control byte other than tab.
inline std::string quote(std::string_view text) {
  if (!detail::all_of(text, detail::value_class))
    throw std::invalid_argument("a quoted string cannot hold control bytes other than tab: remove or encode them");
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
  return out;
}

/// The text itself if it is a token, else quoted: the value of a parameter.
inline std::string quote_if_needed(std::string_view text) { return is_token(text) ? std::string(text) : quote(text); }

namespace detail {

/// The size of the quoted string that the text begins with, both quotes included; 0 if it does not begin with one.
constexpr std::size_t quoted_size(std::string_view text) noexcept {
  if (text.empty() || text.front() != '"') return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
    if (i == text.size() || !is_value_char(text[i])) return 0;
  }
  return 0;
}

/// The content of a quoted string, given without its quotes.
inline std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

} // namespace detail

/// The content of a quoted string, given with its quotes; nothing if it is not exactly one.
inline std::optional<std::string> unquote(std::string_view text) {
  const auto size = detail::quoted_size(text);
  if (size == 0 || size != text.size()) return std::nullopt;
  return detail::unescape(text.substr(1, size - 2));
}

/// One parameter. The value is a view of the input, still escaped if it stood in quotes.
struct parameter {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
  bool quoted = false;

  /// The value as it is meant.
  std::string text() const { return quoted ? detail::unescape(value) : std::string(value); }
};

/// Reads `a=b; c="d e"; flag` one by one. Space around `;` and `=` and empty parameters are passed over.
class parameter_reader {
 public:
  constexpr explicit parameter_reader(std::string_view text) noexcept : rest_(text) {}

  /// False at the end, and at the first syntax error; then `failed()` tells which it was.
  constexpr bool next(parameter& out) noexcept {
    skip();
    while (!rest_.empty() && rest_.front() == ';') {
      rest_.remove_prefix(1);
      skip();
    }
    if (rest_.empty() || failed_) return false;
    out = parameter{take_token(), {}, false, false};
    if (out.name.empty()) return fail();
    skip();
    if (!rest_.empty() && rest_.front() == '=') {
      rest_.remove_prefix(1);
      skip();
      out.has_value = true;
      if (const auto size = detail::quoted_size(rest_)) {
        out.quoted = true;
        out.value = rest_.substr(1, size - 2);
        rest_.remove_prefix(size);
      } else {
        out.value = take_token();
        if (out.value.empty()) return fail();
      }
      skip();
    }
    return rest_.empty() || rest_.front() == ';' || fail();
  }

  constexpr bool failed() const noexcept { return failed_; }

 private:
  constexpr void skip() noexcept {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  constexpr std::string_view take_token() noexcept {
    std::size_t size = 0;
    while (size < rest_.size() && is_token_char(rest_[size])) ++size;
    const auto token = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return token;
  }
  constexpr bool fail() noexcept {
    failed_ = true;
    return false;
  }

  std::string_view rest_;
  bool failed_ = false;
};

/// A weight in thousandths: "0.5" is 500. At most three decimals, at most 1.
constexpr std::optional<int> parse_weight(std::string_view text) noexcept {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int weight = (text[0] - '0') * 1000;
  if (text.size() == 1) return weight;
  if (text[1] != '.' || text.size() > 5) return std::nullopt;
  int unit = 100;
  for (const char c : text.substr(2)) {
    if (!is_digit(c)) return std::nullopt;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  if (weight > 1000) return std::nullopt;
  return weight;
}

/// An element of a list like Accept: what stands before its `q`, and the weight in thousandths.
struct weighted {
  std::string_view value;
  int weight = 1000;
};

/// Takes the next element of a list with weights. No `q` is 1; one that cannot be read is 0: not wanted.
constexpr std::optional<weighted> next_weighted(std::string_view& rest) noexcept {
  const auto element = next_element(rest);
  if (!element) return std::nullopt;
  std::size_t at = find_unquoted(*element, ';');
  while (at < element->size()) {
    const auto tail = element->substr(at + 1);
    const auto size = find_unquoted(tail, ';');
    const auto part = trim_ows(tail.substr(0, size));
    if (part.size() >= 2 && to_lower(part[0]) == 'q' && part[1] == '=')
      return weighted{trim_ows(element->substr(0, at)), parse_weight(part.substr(2)).value_or(0)};
    at += 1 + size;
  }
  return weighted{*element, 1000};
}

/// The weight of a token in a list like Accept-Encoding; `*` stands for all that are not named. Nothing if the list has
/// neither.
constexpr std::optional<int> weight_of(std::string_view list, std::string_view token) noexcept {
  std::optional<int> any;
  while (const auto item = next_weighted(list)) {
    if (iequals(item->value, token)) return item->weight;
    if (item->value == "*") any = item->weight;
  }
  return any;
}

} // namespace http
} // namespace v0
} // namespace antiphon
