// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/head.hpp>
#include <antiphon/http/head_rules.hpp>
#include <antiphon/http/head_scanner.hpp>
#include <antiphon/http/limits.hpp>
#include <antiphon/http/llhttp.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

// What a byte of a path is: 0 not taken as it is, 1 plain, 3 a dot.
constexpr std::array<std::uint8_t, 256> make_path_chars() noexcept {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = is_target_char(static_cast<char>(c)) && c != '?' && c != '%';
  table['.'] = 3;
  return table;
}
inline constexpr auto path_chars = make_path_chars();

#if defined(__SSE2__)
/// Of the sixteen bytes at p: which are letters, digits or one of "-./_", of which most paths are made, and which are
/// dots. A bit each.
struct usual_path_chars {
  explicit usual_path_chars(const char* p) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto among = [](__m128i x, char first, char last) {
      const __m128i from_first = _mm_sub_epi8(x, _mm_set1_epi8(first));
      return _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8(static_cast<char>(last - first))), from_first);
    };
    const __m128i letters = among(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
    const __m128i others = _mm_or_si128(among(bytes, '-', '9'), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')));
    usual = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(letters, others)));
    dots = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'))));
  }
  std::uint32_t usual, dots;
};
#endif

/// The check of a request line: one token, one space, a target, one space, HTTP/1.1 or HTTP/1.0.
class request_line_check {
 public:
  explicit request_line_check(request_line& out) noexcept : line_(out) {}

  static constexpr bool after_empty_line = true; // RFC 9112, section 2.2
  static constexpr error bad = error::bad_request_line;
  static constexpr error too_long = error::uri_too_long;

  /// The line so far: its method must be a token, of a length that a method may have.
  error begins(std::string_view part) const noexcept {
    std::size_t i = 0;
    while (i < part.size() && is_token_char(part[i])) ++i;
    if (i > max_method) return error::bad_method;
    return i == part.size() || (part[i] == ' ' && i > 0) ? error{} : error::bad_method;
  }

  error take(const char* base, std::uint32_t at, std::uint32_t size) noexcept {
    const char* const line = base + at;
    if (size < 12) return classify({line, size});
    std::uint32_t method = 3;
    if (std::memcmp(line, "GET ", 4) != 0) {
      method = 0;
      while (method < size && is_token_char(line[method])) ++method;
      if (method == 0 || method > max_method || method + 10 >= size || line[method] != ' ')
        return classify({line, size});
    }
    const auto target = size - method - 10; // without both spaces and the version
    if (std::memcmp(line + size - 9, " HTTP/1.", 8) != 0 || (line[size - 1] & ~1) != '0' || target - 1 >= size)
      return classify({line, size});
    line_.version_minor = static_cast<std::uint8_t>(line[size - 1] & 1);
    line_.method_ref = {at, method};
    line_.target_ref = {at + method + 1, target};
    // The form depends on two methods only: CONNECT has its own, and OPTIONS alone has the asterisk.
    if (line[method + 1] == '/' && method != 7) return take_origin(base, at + method + 1, target);
    return take_other_target(base);
  }

 private:
  static constexpr std::uint32_t max_method = 32;

  error take_origin(const char* base, std::uint32_t at, std::uint32_t size) noexcept {
    const char* const text = base + at;
    std::uint32_t i = 1;
    unsigned seen = 1;
#if defined(__SSE2__)
    constexpr std::uint32_t behind = 9; // the version, which may be read with the target
    while (i + 16 <= size + behind) {
      const usual_path_chars here(text + i);
      const auto n = (std::min)(static_cast<std::uint32_t>(std::countr_one(here.usual)), size - i);
      if ((here.dots & ((1U << n) - 1)) != 0) seen = 3;
      i += n;
      if (n != 16) break;
    }
#endif
    for (; i < size; ++i) {
      const auto kind = path_chars[static_cast<unsigned char>(text[i])];
      seen |= kind;
      if (kind != 0) continue;
      if (text[i] == '?') break;
      if (text[i] != '%' || size - i < 3 || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2]))
        return bad_target(base);
      seen = 3;
      i += 2;
    }
    line_.plain_path = seen == 1;
    line_.form = target_form::origin;
    line_.path_ref = {at, i};
    line_.has_query = i < size;
    line_.query_ref = {};
    if (!line_.has_query) return error{};
    ++i;
    line_.query_ref = {at + i, size - i};
    return all_of(line_.query_ref.in(base), target_class) ? error{} : bad_target(base);
  }

  error bad_target(const char* base) const noexcept {
    return line_.target_ref.in(base).find_first_of(" \t") != std::string_view::npos ? error::bad_request_line
                                                                                    : error::bad_target;
  }

  error take_other_target(const char* base) noexcept {
    line_.plain_path = false;
    const auto text = line_.target_ref.in(base);
    const auto verb = line_.method_ref.in(base);
    const auto parsed = parse_target(text, verb == "CONNECT"   ? method::connect
                                           : verb == "OPTIONS" ? method::options
                                                               : method::get);
    if (!parsed) return bad_target(base);
    const auto ref = [base](std::string_view part) -> text_ref {
      if (part.empty()) return {};
      return {static_cast<std::uint32_t>(part.data() - base), static_cast<std::uint32_t>(part.size())};
    };
    line_.form = parsed->form;
    line_.path_ref = ref(parsed->path);
    line_.query_ref = ref(parsed->query);
    line_.has_query = parsed->has_query;
    line_.authority_ref = ref(parsed->authority);
    // "http://host" means the path "/", and has one to point at: the one before the host.
    if (parsed->form == target_form::absolute && parsed->path.empty()) line_.path_ref = {line_.authority_ref.at - 1, 1};
    return error{};
  }

  /// Why a line is not a request line.
  error classify(std::string_view line) const noexcept {
    const auto start = begins(line);
    if (start != error{}) return start;
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == line.npos || last <= first + 1) return error::bad_request_line;
    if (line.substr(first + 1, last - first - 1).find_first_of(" \t") != line.npos) return error::bad_request_line;
    const auto version = line.substr(last + 1);
    if (version.empty()) return error::bad_request_line;
    if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || !is_digit(version[5]) || version[6] != '.' ||
        !is_digit(version[7]))
      return error::bad_version;
    return version[5] == '1' ? error::bad_version : error::unsupported_version;
  }

  request_line& line_;
};

} // namespace detail

/// Parses the head of a request, strictly (RFC 9112, sections 2 to 3 and 5 to 6; docs of http::error for what is
/// refused). Sans-I/O; allocates nothing but for heads with tabs. One object serves all messages of a connection.
class request_parser {
 public:
  explicit request_parser(const head_limits& limits = {}) noexcept : scanner_(limits), llhttp_(HTTP_REQUEST) {}

  /// Parses what has come of a head. `block` begins where the message begins, and only grows between calls that return
  /// `more` (it may move), and `out` stays the same object, as it is filled by and by; bytes that were looked at are
  /// not looked at again. `done`: out.size bytes are the head, and the next call begins the next message. `failed`:
  /// `ec` is an http::error.
  parse_result parse(std::string_view block, request_head& out, error_code& ec) {
    detail::request_line_check start(out);
    detail::head_extent extent;
    error why{};
    const auto result = scanner_.scan(block, start, out, extent, why);
    if (result == parse_result::more) return result;
    if (result == parse_result::done) why = read(block, extent, out);
    if (why == error{}) return parse_result::done;
    scanner_.reset();
    ec = why;
    return parse_result::failed;
  }

  /// Forgets a head that was begun, so that the next call begins a new one.
  void reset() noexcept { scanner_.reset(); }

  /// Whether nothing of a message has been seen yet; the empty line that may stand before one is nothing.
  bool idle() const noexcept { return scanner_.idle(); }

 private:
  error read(std::string_view block, const detail::head_extent& extent, request_head& out) {
    const char* const base = block.data();
    out.size = extent.size;
    out.count = static_cast<std::uint16_t>(extent.lines);
    detail::field_facts facts;
    facts.known = &host_;
    const auto bad = detail::read_fields<true>(base, base + block.size(), out, out.version_minor, facts, out);
    const std::string_view head(base + extent.skipped, extent.size - extent.skipped);
    if (bad != error{} || !llhttp_.agrees(head, extent.lines, extent.has_tab)) return refusal(base, out, bad);
    const auto number = llhttp_.method_number();
    if (number >= method_count) return error::bad_method;
    out.verb = static_cast<method>(number);
    if (!facts.has_host && out.version_minor == 1) return error::missing_host;
    if (out.form == target_form::origin || out.form == target_form::asterisk) out.authority_ref = facts.host;
    // HTTP/1.0 has no expectations (RFC 9110, section 10.1.1), and without a body there is nothing to wait for.
    out.expect_continue = facts.expect_continue && out.version_minor == 1 && (out.chunked || out.content_length > 0);
    out.bad_expect = facts.bad_expect && out.version_minor == 1;
    return error{};
  }

  /// The name of what llhttp refused, or the fields: what stands first comes first.
  static error refusal(const char* base, const request_head& out, error bad) noexcept {
    if (!parse_method(out.method_ref.in(base))) return error::bad_method;
    return detail::refused_fields(base, out, bad);
  }

  detail::head_scanner scanner_;
  detail::llhttp_head_parser llhttp_;
  detail::known_host host_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
