// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/head.hpp>
#include <antiphon/http/head_rules.hpp>
#include <antiphon/http/head_scanner.hpp>
#include <antiphon/http/limits.hpp>
#include <antiphon/http/llhttp.hpp>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

/// The check of a status line: HTTP/1.1 or HTTP/1.0, one space, three digits, one space, a reason or none.
class status_line_check {
 public:
  explicit status_line_check(status_line& out) noexcept : line_(out) {}

  static constexpr bool after_empty_line = false;
  static constexpr error bad = error::bad_status_line;
  static constexpr error too_long = error::bad_status_line;

  /// The line so far.
  error begins(std::string_view part) const noexcept {
    constexpr std::string_view version = "HTTP/";
    return part.substr(0, version.size()) == version.substr(0, part.size()) ? error{} : bad;
  }

  error take(const char* base, std::uint32_t at, std::uint32_t size) noexcept {
    const char* const line = base + at;
    if (size < 8 || std::memcmp(line, "HTTP/", 5) != 0 || !is_digit(line[5]) || line[6] != '.' || !is_digit(line[7]))
      return bad;
    if (line[5] != '1') return error::unsupported_version;
    if (line[7] > '1') return error::bad_version;
    if (size < 13 || line[8] != ' ' || line[9] < '1' || !is_digit(line[9]) || !is_digit(line[10]) ||
        !is_digit(line[11]) || line[12] != ' ')
      return bad;
    line_.version_minor = static_cast<std::uint8_t>(line[7] - '0');
    line_.status = static_cast<http::status>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    line_.reason_ref = {at + 13, size - 13};
    return error{};
  }

 private:
  status_line& line_;
};

} // namespace detail

/// Parses the head of a response as strictly as request_parser does that of a request. Sans-I/O; allocates nothing but
/// for heads with tabs. One object serves all messages of a connection.
///
/// A space must follow the status also where there is no reason, as the grammar says (RFC 9112, section 4); lengths
/// that contradict each other are refused and not resolved by precedence.
class response_parser {
 public:
  explicit response_parser(const head_limits& limits = response_head_limits()) noexcept
      : scanner_(limits), llhttp_(HTTP_RESPONSE) {}

  /// Parses what has come of a head. `block` begins where the message begins, and only grows between calls that return
  /// `more` (it may move), and `out` stays the same object. `asked`: the method of the request, without which nobody
  /// can tell whether a body follows. `done`: out.size bytes are the head. `failed`: `ec` is an http::error.
  ///
  /// A head that is interim() has no body, and another head follows it. With out.upgrade (101, or 2xx to CONNECT) the
  /// bytes that follow belong to another protocol; whether that was asked for is for the caller to say.
  parse_result parse(std::string_view block, method asked, response_head& out, error_code& ec) {
    detail::status_line_check start(out);
    detail::head_extent extent;
    error why{};
    const auto result = scanner_.scan(block, start, out, extent, why);
    if (result == parse_result::more) return result;
    if (result == parse_result::done) why = read(block, asked, extent, out);
    if (why == error{}) return parse_result::done;
    scanner_.reset();
    ec = why;
    return parse_result::failed;
  }

  /// Forgets a head that was begun, so that the next call begins a new one.
  void reset() noexcept { scanner_.reset(); }

  /// Whether nothing of a message has been seen yet.
  bool idle() const noexcept { return scanner_.idle(); }

 private:
  error read(std::string_view block, method asked, const detail::head_extent& extent, response_head& out) {
    const char* const base = block.data();
    out.size = extent.size;
    out.count = static_cast<std::uint16_t>(extent.lines);
    detail::field_facts facts;
    const auto bad = detail::read_fields<false>(base, base + block.size(), out, out.version_minor, facts, out);
    if (bad != error{} || !llhttp_.agrees({base, extent.size}, extent.lines, extent.has_tab))
      return detail::refused_fields(base, out, bad);
    out.upgrade =
        out.status == http::status::switching_protocols || (asked == method::connect && is_success(out.status));
    out.body = body_after(asked, out);
    if (out.body == body_kind::until_close) out.keep_alive = false;
    return error{};
  }

  // RFC 9112, section 6.3.
  static body_kind body_after(method asked, const response_head& head) noexcept {
    if (asked == method::head || head.upgrade || bodiless(head.status)) return body_kind::none;
    if (head.chunked) return body_kind::chunked;
    if (!head.has_length) return body_kind::until_close;
    return head.content_length > 0 ? body_kind::length : body_kind::none;
  }

  detail::head_scanner scanner_;
  detail::llhttp_head_parser llhttp_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
