// SPDX-License-Identifier: BSL-1.0
// Events as bytes. No text can forge a field: line breaks in data begin another data line, and where there can be no
// line they are refused.
#pragma once

#include <antiphon/http/serializer.hpp>
#include <antiphon/sse/event.hpp>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace sse {
namespace detail {

/// `field` and the text, once for each line of the text. CR, LF and CRLF end lines, and nothing else does.
inline void append_lines(std::string& out, std::string_view field, std::string_view text) {
  for (;;) {
    const auto end = text.find_first_of("\r\n");
    out.append(field).append(text.substr(0, end)).push_back('\n');
    if (end == text.npos) return;
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  }
}

} // namespace detail

/// The data of an event; may be empty.
inline void append_data(std::string& out, std::string_view data) { detail::append_lines(out, "data: ", data); }

/// Throws std::invalid_argument, and appends nothing, if the type has a CR or LF.
inline void append_type(std::string& out, std::string_view type) {
  if (type.find_first_of("\r\n") != type.npos)
    throw std::invalid_argument("antiphon: the type of a server-sent event is one line: it has a CR or LF");
  out.append("event: ").append(type).push_back('\n');
}

/// Throws std::invalid_argument, and appends nothing, if the id has a CR, LF or NUL: clients ignore such ids.
inline void append_id(std::string& out, std::string_view id) {
  if (id.find_first_of(std::string_view("\r\n\0", 3)) != id.npos)
    throw std::invalid_argument("antiphon: the id of a server-sent event is one line: it has a CR, LF or NUL");
  out.append("id: ").append(id).push_back('\n');
}

/// Negative: zero.
inline void append_retry(std::string& out, duration after) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(after).count();
  out.append("retry: ");
  http::detail::put_number(out, ms < 0 ? 0 : static_cast<std::uint64_t>(ms));
  out.push_back('\n');
}

namespace detail {

/// How long to wait before coming back, and nothing else.
inline std::string hint(duration retry) {
  std::string out;
  append_retry(out, retry);
  out.push_back('\n');
  return out;
}

} // namespace detail

/// What clients drop: it keeps a connection busy.
inline void append_comment(std::string& out, std::string_view text = {}) {
  detail::append_lines(out, text.empty() ? ":" : ": ", text);
}

/// A whole event, with the blank line that ends it. Throws as append_type() and append_id(), and then appends nothing.
inline void append_event(std::string& out, const event& e) {
  const auto before = out.size();
  try {
    if (e.id) append_id(out, *e.id);
    if (!e.type.empty()) append_type(out, e.type);
  } catch (...) {
    out.resize(before);
    throw;
  }
  if (e.retry) append_retry(out, *e.retry);
  append_data(out, e.data);
  out.push_back('\n');
}

} // namespace sse
} // namespace v0
} // namespace antiphon
