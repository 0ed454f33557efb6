// SPDX-License-Identifier: BSL-1.0
// Messages as bytes. `Output` is anything with `append(const char*, std::size_t)`: a std::string, a session's buffer.
// What could split a message (CR, LF, NUL and other control bytes) is refused by std::invalid_argument before anything
// is appended. Content is never copied here: append it, or send it from where it is.
#pragma once

#include <antiphon/http/fields.hpp>
#include <antiphon/http/method.hpp>
#include <antiphon/http/status.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/http/trailer.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// How the body of a message that is sent ends, and so which framing field its head has: at most one.
class framing {
 public:
  /// No field: a request without a body, a response whose body ends with the connection or that never has one.
  static constexpr framing none() noexcept { return framing(kind::none, 0); }
  /// Content-Length. Also for a response to HEAD, and 304: the length that GET would have had.
  static constexpr framing length(std::uint64_t bytes) noexcept { return framing(kind::length, bytes); }
  /// Transfer-Encoding: chunked. HTTP/1.1 only.
  static constexpr framing chunked() noexcept { return framing(kind::chunked, 0); }

  constexpr bool has_length() const noexcept { return kind_ == kind::length; }
  constexpr bool is_chunked() const noexcept { return kind_ == kind::chunked; }
  constexpr std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  enum class kind : unsigned char { none, length, chunked };
  constexpr framing(kind k, std::uint64_t bytes) noexcept : kind_(k), bytes_(bytes) {}

  kind kind_;
  std::uint64_t bytes_;
};

namespace detail {

template <class Output>
void put(Output& out, std::string_view text) {
  out.append(text.data(), text.size());
}

template <class Output>
void put_number(Output& out, std::uint64_t number, int base = 10) {
  std::array<char, 20> digits;
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

template <class Output>
void put_framing(Output& out, framing body) {
  if (body.has_length()) {
    put(out, "Content-Length: ");
    put_number(out, body.bytes());
    put(out, "\r\n");
  } else if (body.is_chunked()) {
    put(out, "Transfer-Encoding: chunked\r\n");
  }
}

inline void check_head(const fields& lines, framing body, int version_minor) {
  if (version_minor != 0 && version_minor != 1)
    throw std::invalid_argument("antiphon: HTTP/1." + std::to_string(version_minor) + " does not exist: give 1 or 0");
  if (body.is_chunked() && version_minor == 0)
    throw std::invalid_argument(
        "antiphon: HTTP/1.0 has no chunked coding: give the length, or end the body by closing");
  for (const auto& line : lines)
    if (iequals(line.name, "content-length") || iequals(line.name, "transfer-encoding"))
      throw std::invalid_argument("antiphon: " + std::string(line.name) +
                                  " is written from the framing of the message: do not set it as a field as well");
}

inline void check_reason(std::string_view reason) {
  if (!all_of(reason, value_class))
    throw std::invalid_argument("antiphon: a reason phrase cannot hold CR, LF, NUL or another control byte");
}

inline void check_request_target(std::string_view target) {
  if (target.empty() || !all_of(target, target_class))
    throw std::invalid_argument(
        "antiphon: a request target cannot be empty or hold spaces, control bytes, '#' or bytes "
        "over 0x7f: percent-encode them");
}

} // namespace detail

/// A status line. An empty `reason` means that of the registry.
template <class Output>
void append_status_line(Output& out, status code, std::string_view reason = {}, int version_minor = 1) {
  if (!is_valid(code)) throw std::invalid_argument("antiphon: a status has three digits, from 100 to 999");
  detail::check_reason(reason);
  detail::put(out, version_minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  detail::put_number(out, static_cast<std::uint64_t>(http::code(code)));
  detail::put(out, " ");
  detail::put(out, reason.empty() ? http::reason(code) : reason);
  detail::put(out, "\r\n");
}

/// One field line. Checks as fields::add does.
template <class Output>
void append_field(Output& out, std::string_view name, std::string_view value) {
  if (!is_token(name) || !detail::all_of(value, detail::value_class))
    throw std::invalid_argument(
        "antiphon: a field name is a token, and a field value has no CR, LF, NUL or other control "
        "byte but tab");
  detail::put(out, name);
  detail::put(out, ": ");
  detail::put(out, value);
  detail::put(out, "\r\n");
}

/// The head of a response, with its empty line. 1xx and 204 have no framing; fields that frame throw.
template <class Output>
void append_response_head(Output& out, status code, const fields& lines, framing body, std::string_view reason = {},
                          int version_minor = 1) {
  detail::check_head(lines, body, version_minor);
  if ((is_informational(code) || code == status::no_content) && (body.has_length() || body.is_chunked()))
    throw std::invalid_argument("antiphon: a response with status 1xx or 204 has no body and no framing");
  append_status_line(out, code, reason, version_minor);
  detail::put(out, lines.wire());
  detail::put_framing(out, body);
  detail::put(out, "\r\n");
}

/// The head of a request, with its empty line. `verb` may be any token; Host is among `lines`.
template <class Output>
void append_request_head(Output& out, std::string_view verb, std::string_view target, const fields& lines, framing body,
                         int version_minor = 1) {
  detail::check_head(lines, body, version_minor);
  detail::check_request_target(target);
  if (!is_token(verb)) throw std::invalid_argument("antiphon: a request method is a token");
  detail::put(out, verb);
  detail::put(out, " ");
  detail::put(out, target);
  detail::put(out, version_minor == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  detail::put(out, lines.wire());
  detail::put_framing(out, body);
  detail::put(out, "\r\n");
}
template <class Output>
void append_request_head(Output& out, method verb, std::string_view target, const fields& lines, framing body,
                         int version_minor = 1) {
  append_request_head(out, to_string(verb), target, lines, body, version_minor);
}

/// What stands before the content of a chunk of `size` bytes, which is not 0: a chunk of no bytes ends the body.
template <class Output>
void append_chunk_header(Output& out, std::uint64_t size) {
  if (size == 0) throw std::invalid_argument("antiphon: a chunk of no bytes would end the body: use append_last_chunk");
  detail::put_number(out, size, 16);
  detail::put(out, "\r\n");
}
/// What stands after the content of a chunk.
template <class Output>
void append_chunk_end(Output& out) {
  detail::put(out, "\r\n");
}
/// The end of a chunked body.
template <class Output>
void append_last_chunk(Output& out) {
  detail::put(out, "0\r\n\r\n");
}
/// The end of a chunked body, with trailers. Throws for a field that is of no use, or harmful, in a trailer.
template <class Output>
void append_last_chunk(Output& out, const fields& trailers) {
  for (const auto& line : trailers)
    if (!allowed_in_trailer(line.name))
      throw std::invalid_argument("antiphon: " + std::string(line.name) +
                                  " cannot stand in a trailer: send it in the head");
  detail::put(out, "0\r\n");
  detail::put(out, trailers.wire());
  detail::put(out, "\r\n");
}

} // namespace http
} // namespace v0
} // namespace antiphon
