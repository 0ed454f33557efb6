// SPDX-License-Identifier: BSL-1.0
// How a client says where in a log it stands, and how it is told what it has missed: the same for polls and streams,
// so that it may change from one to the other.
#pragma once

#include <antiphon/core/log.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/serializer.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// The field of answers that says how the reading was resumed: "whole" (nothing was missed), "gap; at-most=N", or
/// "other-log" (the cursor was none of this log: reading begins at the oldest message). Sent where the client named a
/// cursor.
inline constexpr std::string_view resume_field = "Antiphon-Resume";

/// Where a client wants to read from: the field Last-Event-ID, else the query parameter `after`. A cursor, or
/// "earliest" for the oldest message that is kept, "latest" for the newest; what is none of these is taken for another
/// log's cursor. `otherwise`: it says nothing.
inline position resume_position(const request& req, const log_view& log, const position& otherwise) {
  std::string_view asked = req.header("Last-Event-ID");
  std::optional<std::string> parameter;
  if (asked.empty()) {
    parameter = req.query("after");
    if (parameter) asked = *parameter;
  }
  if (asked.empty()) return otherwise;
  if (asked == "earliest") return position::oldest;
  if (asked == "latest") return position::latest;
  const auto place = parse_cursor(asked);
  return position::after(place ? *place : cursor{~log.log()->tag, {}});
}

namespace detail {

/// What resume_field says.
inline std::string resume_value(const gap* missed, bool other) {
  if (other) return "other-log";
  if (!missed) return "whole";
  std::string value("gap");
  if (!missed->at_most) return value;
  value.append("; at-most=");
  put_number(value, *missed->at_most);
  return value;
}

inline void append_cursor(std::string& out, const cursor& c) {
  char text[v0::detail::max_cursor_size];
  out.append(text, v0::detail::put_cursor(text, c));
}

/// {"after":"…","before":"…","at_most":N}: cursors, and null where the number is not known.
inline void append_gap(std::string& out, std::uint64_t log, const gap& g) {
  out.append("{\"after\":\"");
  append_cursor(out, {log, g.after});
  out.append("\",\"before\":\"");
  append_cursor(out, {log, g.before});
  out.append("\",\"at_most\":");
  if (g.at_most) {
    put_number(out, *g.at_most);
  } else {
    out.append("null");
  }
  out.push_back('}');
}

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
